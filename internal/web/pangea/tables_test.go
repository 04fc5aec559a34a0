package pangea

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// testdata/paths.txt lists the operations of the vendor's document.
func TestRoutesMatchSpec(t *testing.T) {
	text, err := os.ReadFile("testdata/paths.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(strings.NewReplacer(" ", "_", "{requestId}", "{request_id}").Replace(string(text)))
	var got []string
	for _, r := range routes() {
		got = append(got, r.method+"_"+r.path)
		if r.run == nil || r.summary == "" {
			t.Errorf("%s: every route answers, with a summary", r.path)
		}
		if service := !strings.HasPrefix(r.path, "/v2/client/") && !strings.HasPrefix(r.path, "/v2/flow/") && r.method == http.MethodPost; service != (r.who == serviceKey) {
			t.Errorf("%s: a client token opens /v2/client, /v2/flow and the poll, and nothing else", r.path)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the table has\n%s\nand the document\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(got) != 46 {
		t.Errorf("the table has %d routes, want 46", len(got))
	}
}

func TestEveryErrorHasAWord(t *testing.T) {
	for _, code := range core.Codes() {
		word, ok := errorWords()[code]
		if !ok || word.status == "" || word.summary == "" || word.http < 400 {
			t.Errorf("the error %s has no word: %+v", code, word)
		}
	}
	if extra := len(errorWords()) - len(core.Codes()); extra != 0 {
		t.Errorf("%d words belong to no error", extra)
	}
	for _, code := range core.ProblemCodes() {
		if problemWords()[code] == "" {
			t.Errorf("the problem %s has no word", code)
		}
	}
}

func TestEveryChoiceAndPhaseHasAWord(t *testing.T) {
	for _, name := range flow.Choices() {
		if _, known := choiceName(choiceWordOf(name)); !known {
			t.Errorf("the choice %s has no word", name)
		}
		if answers()[name] == nil || restarts()[name] == nil {
			t.Errorf("the choice %s has no shape for its answer or its restart", name)
		}
	}
	for _, name := range flow.Phases() {
		if phaseWords()[name] == "" {
			t.Errorf("the phase %s has no word", name)
		}
	}
	vendors := 0
	for _, c := range choiceWords() {
		if c.word != "set_mail" {
			vendors++
		}
	}
	if vendors != 19 {
		t.Errorf("the table has %d of the vendor's 19 choices", vendors)
	}
}

func TestEveryPromptIsSpelled(t *testing.T) {
	for _, name := range flow.Choices() {
		prompt := flow.Prompt{Choice: name, Seed: &flow.SeedPrompt{}, Link: &flow.LinkPrompt{}, Code: &flow.CodePrompt{}, Passkey: &flow.PasskeyPrompt{}, Captcha: &flow.CaptchaPrompt{}, RequiredFor: []core.ChoiceName{core.ChoicePassword}}
		data := promptData(prompt, core.DefaultSettings())
		if name == core.ChoiceSocial || name == core.ChoiceSAML {
			prompt.Providers = []flow.ProviderPrompt{{Name: "google"}}
			data = providerItems(prompt, flow.State{})[0].Data
		}
		if len(data) == 0 {
			t.Errorf("the choice %s shows nothing", name)
		}
	}
}

func TestTimesAreSpelledWithSixDigits(t *testing.T) {
	for _, at := range []time.Time{
		{}, time.Unix(0, 0), time.Date(2026, 11, 21, 9, 5, 3, 7_000, time.UTC), time.Date(2026, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(9999, 1, 1, 0, 0, 0, 120_000_000, time.FixedZone("east", 3600)),
	} {
		if got, want := showTime(at), at.UTC().Format("2006-01-02T15:04:05.000000Z"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestPresetIsValid(t *testing.T) {
	if _, _, err := (core.Overrides{}).With(Preset()); err != nil {
		t.Error(err)
	}
}

func TestEveryKindOfAgreementHasAWord(t *testing.T) {
	var ours, theirs []string
	for _, kind := range core.AgreementKinds() {
		word := agreementWords()[kind]
		if word == "" || agreementKind(word) != kind {
			t.Errorf("the kind %s of agreements has no word", kind)
		}
		ours, theirs = append(ours, string(kind)), append(theirs, word)
	}
	// agreementList turns the order of types round because of this.
	slices.Sort(ours)
	slices.Sort(theirs)
	slices.Reverse(theirs)
	for i := range ours {
		if string(agreementKind(theirs[i])) != ours[i] {
			t.Errorf("the words %v do not sort the other way round than %v", theirs, ours)
		}
	}
	if agreementKind("terms") != "" {
		t.Error("our word is taken for the vendor's")
	}
}

func TestEveryAuthenticatorHasAWord(t *testing.T) {
	for _, kind := range core.AuthenticatorKinds() {
		if authenticatorWords()[kind] == "" {
			t.Errorf("the authenticator %s has no word", kind)
		}
	}
}
