package flow_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	altcha "github.com/altcha-org/altcha-lib-go"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// byWork makes a pool whose sign-up asks for a proof of work, with ana in it.
func byWork(t *testing.T, h *flowtest.House, name string, values map[string]any) core.Caller {
	t.Helper()
	all := map[string]any{
		"signup.captcha": "altcha", "signup.captcha_cost": 1000, "signup.verify_email": false,
		"signin.primary": []string{"password", "email_otp", "magic_link", "sms_otp", "totp"}, "redirects.allowed": []string{invitedCallback},
	}
	for key, value := range values {
		all[key] = value
	}
	app := h.Pool(t, name, all)
	h.Person(t, app, "ana@example.org")
	return app
}

func workOf(t *testing.T, s flow.State) flow.Work {
	t.Helper()
	return *prompted(t, s, core.ChoiceCaptcha).Captcha.Work
}

func solved(t *testing.T, s flow.State) flow.Answer {
	t.Helper()
	return flow.Answer{Choice: core.ChoiceCaptcha, Code: flowtest.Solve(t, workOf(t, s))}
}

func choicesOf(s flow.State) []core.ChoiceName {
	var names []core.ChoiceName
	for _, p := range s.Prompts {
		names = append(names, p.Choice)
	}
	return names
}

// Whoever signs up has a captcha before them, in front of all that sends a
// message and behind all else; who signs in has none.
func TestCaptchaIsForSignUpsAlone(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byWork(t, h, "demo", nil)
		s := start(t, h, app, "new@example.org")
		if got := choicesOf(s); !slices.Equal(got, []core.ChoiceName{core.ChoiceCaptcha, core.ChoicePassword, core.ChoiceTOTP}) {
			t.Errorf("law: what sends a message waits for the captcha; offered are %v", got)
		}
		for _, choice := range []core.ChoiceName{core.ChoiceEmailOTP, core.ChoiceMagicLink, core.ChoiceSMSOTP} {
			_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: choice, Phone: phone})
			want(t, err, core.CodeNotOffered, "sending before the captcha")
		}
		s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase != core.PhaseCaptcha || !slices.Equal(choicesOf(s), []core.ChoiceName{core.ChoiceCaptcha}) {
			t.Fatalf("law: behind the first factor, the captcha is all; %s", shapeOf(s))
		}
		_, err = h.Directory.Get(t.Context(), app, core.UserRef{Email: "new@example.org"})
		want(t, err, core.CodeNotFound, "somebody who has not solved the captcha")
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing without the captcha")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, solved(t, s))
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Errorf("behind the captcha the flow is in %s", s.Phase)
		}
		if sent := h.Mail(t); len(sent) != 0 {
			t.Errorf("law: nothing is sent before the captcha; %v was", sent)
		}

		// The captcha first, then a code by mail.
		s = start(t, h, app, "other@example.org")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, solved(t, s))
		must(t, err)
		if offered(s, core.ChoiceCaptcha) || !offered(s, core.ChoiceEmailOTP) || !offered(s, core.ChoiceSMSOTP) || !offered(s, core.ChoiceMagicLink) {
			t.Errorf("behind the captcha there is %v", choicesOf(s))
		}
		_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP})
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP, Code: flowtest.MailedCode(t, h.Mail(t))})
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Errorf("behind captcha and code the flow is in %s", s.Phase)
		}

		s = start(t, h, app, "ana@example.org")
		if offered(s, core.ChoiceCaptcha) {
			t.Errorf("law: who signs in has no captcha; %s", shapeOf(s))
		}
		h.SignIn(t, app, "ana@example.org", flowtest.Password)
	})
}

// There is no door by which somebody new comes in without the captcha: not
// before anybody is named, not concealed, not invited, not by a link.
func TestCaptchaCannotBeSkipped(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byWork(t, h, "demo", nil)
		s := start(t, h, app, "")
		_, err := h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceCaptcha, Code: "x"})
		want(t, err, core.CodeNotOffered, "a captcha before anybody is named")

		// An invitation has proved the mailbox, and is no captcha.
		_, code := invite(t, h, app, "guest@example.org")
		s, err = h.Flows.Start(t.Context(), app, flow.Start{Invitation: code})
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase != core.PhaseCaptcha {
			t.Errorf("law: who is invited solves the captcha too; the flow is in %s", s.Phase)
		}
		s, err = h.Flows.Answer(t.Context(), app, s.ID, solved(t, s))
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Errorf("behind the captcha the flow is in %s", s.Phase)
		}

		// A link that was sent before the pool wanted a captcha.
		h.Set(t, app, map[string]any{"signup.captcha": "none"})
		s = start(t, h, app, "new@example.org")
		_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceMagicLink})
		must(t, err)
		mail := h.Mail(t)
		h.Set(t, app, map[string]any{"signup.captcha": "altcha"})
		if _, err := h.Flows.OpenLink(t.Context(), app, core.ChoiceMagicLink, flowtest.LinkCode(t, mail[len(mail)-1])); err != nil {
			t.Fatal(err)
		}
		s = stateOf(t, h, app, s.ID)
		if s.Phase != core.PhaseCaptcha {
			t.Errorf("law: a link does not pass the captcha; the flow is in %s", s.Phase)
		}
		_, err = h.Directory.Get(t.Context(), app, core.UserRef{Email: "new@example.org"})
		want(t, err, core.CodeNotFound, "somebody who opened a link and solved no captcha")

		// Concealed, the captcha stands before everything, for everybody alike.
		h.Mail(t)
		var looks []string
		for _, email := range []string{"ana@example.org", "nobody@example.org"} {
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email, Types: []core.FlowType{core.FlowSignup}, Concealed: true})
			must(t, err)
			look := shapeOf(s)
			for _, choice := range flow.Choices() {
				_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: choice})
				look += " " + string(core.CodeOf(err))
			}
			if sent := h.Mail(t); len(sent) != 0 {
				t.Errorf("law: nothing is sent before the captcha; %v was", sent)
			}
			s, err = h.Flows.Answer(t.Context(), app, s.ID, solved(t, s))
			must(t, err)
			looks = append(looks, look+" "+shapeOf(s))
			if offered(s, core.ChoiceCaptcha) || !offered(s, core.ChoiceVerifyEmail) {
				t.Errorf("behind the captcha there is %v", choicesOf(s))
			}
		}
		if looks[0] != looks[1] {
			t.Errorf("law: a concealed captcha tells nothing:\n%s\n%s", looks[0], looks[1])
		}
	})
}

// A solution is good for the flow whose challenge it solves, and for no other
// of the pool or of another one; nothing in it can be of the solver's choice.
func TestCaptchaSolutionsFitOneFlow(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, elsewhere := byWork(t, h, "demo", nil), byWork(t, h, "other", nil)
		s := start(t, h, app, "new@example.org")
		again, foreign := start(t, h, app, "new@example.org"), start(t, h, elsewhere, "new@example.org")
		work := workOf(t, s)
		if work != workOf(t, stateOf(t, h, app, s.ID)) {
			t.Error("law: to look at a flow changes nothing, its challenge neither")
		}
		if work.MaxNumber != 1000 || work.Algorithm != "SHA-256" || work.Challenge == workOf(t, again).Challenge || work.Salt == workOf(t, again).Salt {
			t.Errorf("two flows ask for %+v and %+v", work, workOf(t, again))
		}
		right := flowtest.Solve(t, work)
		raw, err := base64.StdEncoding.DecodeString(right)
		must(t, err)
		var good altcha.Payload
		must(t, json.Unmarshal(raw, &good))
		changed := func(change func(p *altcha.Payload)) string {
			p := good
			change(&p)
			return flowtest.Encode(t, p)
		}
		// One of the solver's own, with a number that they know.
		zero := int64(0)
		cheap, err := altcha.CreateChallenge(altcha.ChallengeOptions{Number: &zero, HMACKey: "guessed", Salt: work.Salt, MaxNumber: 1})
		must(t, err)
		weak, err := altcha.CreateChallenge(altcha.ChallengeOptions{Algorithm: altcha.SHA1, Number: &good.Number, HMACKey: work.Signature, Salt: work.Salt})
		must(t, err)
		for why, code := range map[string]string{
			"another flow's":            flowtest.Solve(t, workOf(t, again)),
			"another pool's":            flowtest.Solve(t, workOf(t, foreign)),
			"nothing":                   "AA==",
			"no base64":                 "{}",
			"no object":                 base64.StdEncoding.EncodeToString([]byte("[]")),
			"an empty object":           base64.StdEncoding.EncodeToString([]byte("{}")),
			"a wrong number":            changed(func(p *altcha.Payload) { p.Number++ }),
			"a negative number":         changed(func(p *altcha.Payload) { p.Number = -p.Number - 1 }),
			"another algorithm":         changed(func(p *altcha.Payload) { p.Algorithm = "SHA-1" }),
			"an algorithm that is none": changed(func(p *altcha.Payload) { p.Algorithm = "none" }),
			"a later time in the salt":  changed(func(p *altcha.Payload) { p.Salt = strings.Replace(p.Salt, "expires=", "expires=9", 1) }),
			"no time in the salt":       changed(func(p *altcha.Payload) { p.Salt, _, _ = strings.Cut(p.Salt, "?") }),
			"the number moved to the salt": changed(func(p *altcha.Payload) {
				digits := strconv.FormatInt(p.Number, 10)
				p.Salt, p.Number = p.Salt+digits[:len(digits)-1], p.Number%10
			}),
			"another signature": changed(func(p *altcha.Payload) { p.Signature = strings.Repeat("0", 64) }),
			"no signature":      changed(func(p *altcha.Payload) { p.Signature = "" }),
			"one of their own":  flowtest.Encode(t, altcha.Payload{Algorithm: cheap.Algorithm, Challenge: cheap.Challenge, Salt: cheap.Salt, Signature: cheap.Signature}),
			"a weaker hash":     flowtest.Encode(t, altcha.Payload{Algorithm: weak.Algorithm, Challenge: weak.Challenge, Number: good.Number, Salt: weak.Salt, Signature: weak.Signature}),
		} {
			if code == right {
				t.Fatalf("%s is the right one", why)
			}
			_, err := h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceCaptcha, Code: code})
			want(t, err, core.CodeCaptchaRefused, why)
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceCaptcha})
		want(t, err, core.CodeInvalid, "no answer")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceCaptcha, Code: strings.Repeat("A", 8193)})
		want(t, err, core.CodeInvalid, "an answer without end")
		// After all of that the flow can go on, once.
		_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceCaptcha, Code: right})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceCaptcha, Code: right})
		want(t, err, core.CodeNotOffered, "the same solution again")
	})
}

// A challenge is good for 10 minutes at least and for 20 at most; then another
// one takes its place, in the same flow.
func TestCaptchaChallengesExpire(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := byWork(t, h, "demo", map[string]any{"flow.life": "2h"})
		for _, late := range []time.Duration{0, 9 * time.Minute} {
			s := start(t, h, app, "new@example.org")
			time.Sleep(late)
			first := solved(t, stateOf(t, h, app, s.ID))
			time.Sleep(10*time.Minute - time.Second)
			if _, err := h.Flows.Answer(t.Context(), app, s.ID, first); err != nil {
				t.Errorf("law: a challenge is good for ten minutes; one shown %s into the flow is not: %v", late, err)
			}
		}
		s := start(t, h, app, "new@example.org")
		first := solved(t, s)
		time.Sleep(20*time.Minute + time.Second)
		_, err := h.Flows.Answer(t.Context(), app, s.ID, first)
		want(t, err, core.CodeCaptchaRefused, "a solution after 20 minutes")
		s = stateOf(t, h, app, s.ID)
		_, query, _ := strings.Cut(workOf(t, s).Salt, "?")
		values, err := url.ParseQuery(query)
		must(t, err)
		if ends, err := strconv.ParseInt(values.Get("expires"), 10, 64); err != nil || time.Unix(ends, 0).Before(time.Now().Add(10*time.Minute-time.Second)) {
			t.Errorf("the next challenge says that it ends at %v (%v)", values, err)
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, solved(t, s))
		must(t, err)
	})
}

// Of many who bring one solution at once, one passes.
func TestParallelCaptcha(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byWork(t, h, "demo", nil)
		for range rounds(t) {
			s := start(t, h, app, "new@example.org")
			a := solved(t, s)
			once(t, "solving a captcha", parallel(width, func(int) error {
				_, err := h.Flows.Answer(t.Context(), app, s.ID, a)
				return err
			}))
		}
	})
}

// A service that is away, slow or lying lets nobody in, and the flow goes on
// when it is back. What it is asked is bounded.
func TestCaptchaServiceNeverFailsOpen(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		var answers atomic.Value
		var asked atomic.Int64
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			_, _ = io.WriteString(w, answers.Load().(string))
		}))
		defer service.Close()
		h.Flows = flow.New(h.Store, h.Pools, h.Passwords, h.Sessions, deliver.NewCaptchas(h.Store, service.URL), func(core.Pool) string { return flowtest.PageURL })
		app := byWork(t, h, "demo", map[string]any{"signup.captcha": "turnstile", "signup.captcha_site_key": "0x4AAA"})
		s := start(t, h, app, "new@example.org")
		if p := prompted(t, s, core.ChoiceCaptcha).Captcha; p.Provider != "turnstile" || p.SiteKey != "0x4AAA" || p.Work != nil {
			t.Errorf("the prompt is %+v", p)
		}
		answers.Store(`{"success":true}`)
		try := func() error {
			_, err := h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceCaptcha, Code: "token"})
			return err
		}
		want(t, try(), core.CodeServiceDown, "a captcha of a pool without its secret")
		must(t, h.Pools.SetSecret(t.Context(), app, core.SecretCaptcha, secret.Text("sealed")))
		for _, lie := range []string{"", "yes", "{}", `{"success":"true"}`, `{"success":null}`, `{"success":false,"error-codes":["invalid-input-secret"]}`} {
			answers.Store(lie)
			want(t, try(), core.CodeServiceDown, "the answer "+lie)
		}
		answers.Store(`{"success":false,"error-codes":["timeout-or-duplicate"]}`)
		want(t, try(), core.CodeCaptchaRefused, "a token that was used")
		if s := stateOf(t, h, app, s.ID); !offered(s, core.ChoiceCaptcha) {
			t.Errorf("law: the flow stays as it was; %s", shapeOf(s))
		}
		_, err := h.Directory.Get(t.Context(), app, core.UserRef{Email: "new@example.org"})
		want(t, err, core.CodeNotFound, "somebody whose captcha nobody checked")
		work := flowtest.Encode(t, altcha.Payload{Algorithm: "SHA-256"})
		_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceCaptcha, Code: work})
		want(t, err, core.CodeCaptchaRefused, "a proof of work for a service")
		answers.Store(`{"success":true}`)
		must(t, try())
		want(t, try(), core.CodeNotOffered, "the same answer again")

		s = start(t, h, app, "other@example.org")
		answers.Store(`{"success":false}`)
		before := asked.Load()
		for range 30 {
			want(t, try(), core.CodeCaptchaRefused, "a wrong answer")
		}
		want(t, try(), core.CodeFlowEnded, "one wrong answer too many")
		if n := asked.Load() - before; n != 30 {
			t.Errorf("law: a flow asks its service 30 times; it asked %d times", n)
		}
	})
}
