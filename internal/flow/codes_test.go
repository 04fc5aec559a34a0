package flow_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// byCode makes a pool whose people come in by a password or a code, with ana
// in it, who has both.
func byCode(t *testing.T, h *flowtest.House, name string, values map[string]any) core.Caller {
	t.Helper()
	all := map[string]any{"signup.verify_email": false, "signin.primary": []string{"password", "email_otp", "magic_link"}, "code.resend_after": "0s", "link.resend_after": "0s", "lockout.failures": 100, "budget.mails_to_one_per_hour": 0, "budget.mails_to_one_per_day": 0}
	for key, value := range values {
		all[key] = value
	}
	app := h.Pool(t, name, all)
	for _, email := range []string{"ana@example.org", "bob@example.org"} {
		user := h.Person(t, app, email)
		for _, kind := range []core.AuthenticatorKind{core.AuthenticatorEmailOTP, core.AuthenticatorMagicLink} {
			h.Enrol(t, app, core.Authenticator{User: user.ID, Kind: kind})
		}
	}
	return app
}

// code sends a code in a flow and returns it.
func code(t *testing.T, h *flowtest.House, app core.Caller, id core.FlowID) string {
	t.Helper()
	h.Mail(t)
	_, err := h.Flows.Restart(t.Context(), app, id, flow.Answer{Choice: core.ChoiceEmailOTP})
	must(t, err)
	return flowtest.MailedCode(t, h.Mail(t))
}

// other is a code that is not this one.
func other(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

func tryCode(t *testing.T, h *flowtest.House, app core.Caller, id core.FlowID, code string) error {
	t.Helper()
	_, err := h.Flows.Answer(t.Context(), app, id, flow.Answer{Choice: core.ChoiceEmailOTP, Code: code})
	return err
}

func TestNothingIsSentWhenAChoiceIsListed(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", nil)
		for _, email := range []string{"ana@example.org", "new@example.org"} {
			s := start(t, h, app, email)
			_, err := h.Flows.State(t.Context(), app, s.ID)
			must(t, err)
			if sent := h.Mail(t); len(sent) != 0 || !offered(s, core.ChoiceEmailOTP) || !offered(s, core.ChoiceMagicLink) {
				t.Errorf("law: what is only listed sends nothing; %d mails for %s with %v", len(sent), email, shapeOf(s))
			}
		}
	})
}

func TestB9NewCodeKeepsTheCount(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", map[string]any{"lockout.failures": 5, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		s := start(t, h, app, "ana@example.org")
		first := code(t, h, app, s.ID)
		for range 4 {
			want(t, tryCode(t, h, app, s.ID, other(first)), core.CodeWrongCode, "a wrong code")
		}
		second := code(t, h, app, s.ID)
		want(t, tryCode(t, h, app, s.ID, other(second)), core.CodeWrongCode, "a wrong code after another was sent")
		want(t, tryCode(t, h, app, s.ID, second), core.CodeLocked, "the right code behind five wrong ones, of which the last was sent anew")
	})
}

func TestB10CodesOfManyFlowsHaveOneCount(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", map[string]any{"lockout.failures": 9, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		for range 4 {
			s := start(t, h, app, "ana@example.org")
			sent := code(t, h, app, s.ID)
			for range 2 {
				want(t, tryCode(t, h, app, s.ID, other(sent)), core.CodeWrongCode, "a wrong code")
			}
		}
		s := start(t, h, app, "ana@example.org")
		sent := code(t, h, app, s.ID)
		want(t, tryCode(t, h, app, s.ID, other(sent)), core.CodeWrongCode, "the ninth wrong code")
		want(t, tryCode(t, h, app, s.ID, sent), core.CodeLocked, "the right code in a fifth flow")
		_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeLocked, "the right password behind wrong codes")
	})
}

func TestB11OneCodeIsTriedFiveTimes(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", nil)
		s := start(t, h, app, "ana@example.org")
		sent := code(t, h, app, s.ID)
		evaluated := 0
		for range 50 {
			if err := tryCode(t, h, app, s.ID, other(sent)); core.Is(err, core.CodeWrongCode) {
				evaluated++
			}
		}
		if evaluated != 5 {
			t.Errorf("law: a code is compared five times at most; it was %d times", evaluated)
		}
		want(t, tryCode(t, h, app, s.ID, sent), core.CodeCodeExpired, "the right code after that")
		must(t, tryCode(t, h, app, s.ID, code(t, h, app, s.ID)))
	})
}

func TestB4ParallelWrongCodes(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", nil)
		for range rounds(t) {
			s := start(t, h, app, "new@example.org")
			sent := code(t, h, app, s.ID)
			evaluated := 0
			for _, err := range parallel(width, func(int) error { return tryCode(t, h, app, s.ID, other(sent)) }) {
				if core.Is(err, core.CodeWrongCode) {
					evaluated++
				} else if !core.Is(err, core.CodeCodeExpired) {
					t.Errorf("a wrong code among many: %v", err)
				}
			}
			if evaluated != 5 {
				t.Errorf("law: of %d wrong codes at once 5 are compared; %d were", width, evaluated)
			}
		}
	})
}

func TestB13ParallelCode(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", nil)
		for range rounds(t) {
			s := start(t, h, app, "ana@example.org")
			sent := code(t, h, app, s.ID)
			once(t, "using a code", parallel(width, func(int) error { return tryCode(t, h, app, s.ID, sent) }))
		}
	})
}

func TestF15ParallelMagicLink(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", nil)
		for range rounds(t) {
			s := start(t, h, app, "ana@example.org")
			_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceMagicLink})
			must(t, err)
			mail := h.Mail(t)
			link := flowtest.LinkCode(t, mail[len(mail)-1])
			once(t, "opening a magic link", parallel(width, func(int) error {
				_, err := h.Flows.OpenLink(t.Context(), app, core.ChoiceMagicLink, link)
				return err
			}))
			once(t, "completing behind it", parallel(width, func(int) error {
				_, err := h.Flows.Complete(t.Context(), app, s.ID)
				return err
			}))
			want(t, h.Flows.LookLink(t.Context(), app, core.ChoiceMagicLink, link), core.CodeTicketInvalid, "a link that was opened")
		}
	})
}

// secondFactor makes a pool in which a code follows upon the password.
func secondFactor(t *testing.T, h *flowtest.House, values map[string]any) core.Caller {
	t.Helper()
	all := map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"email_otp"}, "signin.require_secondary": true}
	for key, value := range values {
		all[key] = value
	}
	return byCode(t, h, "demo", all)
}

// behindPassword begins a flow and gives the password.
func behindPassword(t *testing.T, h *flowtest.House, app core.Caller, email string) flow.State {
	t.Helper()
	s := start(t, h, app, email)
	s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
	must(t, err)
	if s.Phase != core.PhaseSecondary {
		t.Fatalf("behind the password a flow is in %s, want secondary", s.Phase)
	}
	return s
}

func TestB12SecondFactorIsCounted(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := secondFactor(t, h, nil)
		s := behindPassword(t, h, app, "ana@example.org")
		for n := range 10 {
			if n%5 == 0 {
				code(t, h, app, s.ID) // one code is not tried more often
			}
			want(t, tryCode(t, h, app, s.ID, "00000x"), core.CodeWrongCode, fmt.Sprintf("wrong second factor %d", n+1))
		}
		right := code(t, h, app, s.ID)
		want(t, tryCode(t, h, app, s.ID, right), core.CodeFlowEnded, "the right code behind ten wrong ones")
		_, err := h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing such a flow")
		s = behindPassword(t, h, app, "ana@example.org")
		must(t, tryCode(t, h, app, s.ID, code(t, h, app, s.ID)))
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
	})
}

// TestB12PasswordBuysNoTries is about whoever knows the password and guesses
// the code: giving the password again must not wipe out the wrong codes.
func TestB12PasswordBuysNoTries(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := secondFactor(t, h, map[string]any{"lockout.failures": 6, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		evaluated := 0
		for range 10 {
			s := start(t, h, app, "ana@example.org")
			if _, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password)); err != nil {
				want(t, err, core.CodeLocked, "the password behind wrong codes")
				continue
			}
			sent := code(t, h, app, s.ID)
			if core.Is(tryCode(t, h, app, s.ID, other(sent)), core.CodeWrongCode) {
				evaluated++
			}
		}
		if evaluated > 3 {
			t.Errorf("law: the right password forgives no wrong code; %d were compared, want at most 3 of the 6 tries", evaluated)
		}
	})
}

func TestF20NewPasswordNeedsTheSecondFactorToo(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := secondFactor(t, h, nil)
		s := start(t, h, app, "ana@example.org")
		s, err := h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceResetPassword)(t, h, app, s))
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoiceSetPassword, "another fine phrase 8"))
		must(t, err)
		if s.Phase != core.PhaseSecondary {
			t.Errorf("law: a new password is one factor; the flow is in %s", s.Phase)
		}
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing without the second factor")
	})
}

func TestB14OnlyTheNewestCode(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", nil)
		s := start(t, h, app, "ana@example.org")
		first, second := code(t, h, app, s.ID), ""
		for second = code(t, h, app, s.ID); second == first; second = code(t, h, app, s.ID) {
		}
		want(t, tryCode(t, h, app, s.ID, first), core.CodeWrongCode, "the older of two codes")
		must(t, tryCode(t, h, app, s.ID, second))
		want(t, tryCode(t, h, app, s.ID, second), core.CodeNotOffered, "a code that was used")
	})
}

// TestB15CodesAndLinksFitOnePlace brings each code and link to every place that
// takes one: it fits its own, and no other.
func TestB15CodesAndLinksFitOnePlace(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		type place struct {
			name  string
			app   core.Caller
			id    core.FlowID
			email string
			flow.Answer
		}
		n := 0
		// places makes one flow for each place, and what was mailed for it.
		places := func() []place {
			n++
			first := byCode(t, h, fmt.Sprintf("first-%d", n), nil)
			second := byCode(t, h, fmt.Sprintf("second-%d", n), map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"email_otp"}, "signin.require_secondary": true})
			verify := byCode(t, h, fmt.Sprintf("verify-%d", n), map[string]any{"signup.verify_email": true})
			all := []place{
				{"email_otp of ana", first, start(t, h, first, "ana@example.org").ID, "ana@example.org", flow.Answer{Choice: core.ChoiceEmailOTP}},
				{"email_otp of ana in another flow", first, start(t, h, first, "ana@example.org").ID, "ana@example.org", flow.Answer{Choice: core.ChoiceEmailOTP}},
				{"email_otp of bob", first, start(t, h, first, "bob@example.org").ID, "bob@example.org", flow.Answer{Choice: core.ChoiceEmailOTP}},
				{"email_otp as the second factor", second, behindPassword(t, h, second, "ana@example.org").ID, "ana@example.org", flow.Answer{Choice: core.ChoiceEmailOTP}},
				{"magic_link", first, start(t, h, first, "ana@example.org").ID, "ana@example.org", flow.Answer{Choice: core.ChoiceMagicLink}},
				{"reset_password", first, start(t, h, first, "bob@example.org").ID, "bob@example.org", flow.Answer{Choice: core.ChoiceResetPassword}},
				{"verify_email", verify, "", "ana@example.org", flow.Answer{Choice: core.ChoiceVerifyEmail}},
			}
			s := start(t, h, verify, "ana@example.org")
			_, err := h.Flows.Answer(t.Context(), verify, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			all[6].id = s.ID
			for i := range all {
				h.Mail(t)
				s, err := h.Flows.Restart(t.Context(), all[i].app, all[i].id, flow.Answer{Choice: all[i].Choice})
				must(t, err)
				mail := h.Mail(t)
				if all[i].Choice == core.ChoiceEmailOTP {
					all[i].Code = flowtest.MailedCode(t, mail)
					continue
				}
				all[i].State, all[i].Code = link(s, all[i].Choice).State, flowtest.LinkCode(t, mail[len(mail)-1])
			}
			return all
		}
		for from := range places() {
			for to := range places() {
				all := places()
				a := all[to].Answer
				a.Code = all[from].Code
				if from != to && a.Code == all[to].Code {
					continue // two codes of six digits may be the same by chance
				}
				_, err := h.Flows.Answer(t.Context(), all[to].app, all[to].id, a)
				if (err == nil) != (from == to) {
					t.Errorf("law: a code or link fits its own place only; that of %s gives %v at %s", all[from].name, err, all[to].name)
				}
			}
		}
	})
}

func TestB16CodesLiveFiveMinutes(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := byCode(t, h, "demo", nil)
		for _, email := range []string{"ana@example.org", "new@example.org"} {
			s := start(t, h, app, email)
			sent := code(t, h, app, s.ID)
			time.Sleep(5*time.Minute + time.Second)
			want(t, tryCode(t, h, app, s.ID, sent), core.CodeCodeExpired, "a code after five minutes and a second")
			sent = code(t, h, app, s.ID)
			time.Sleep(5*time.Minute - time.Second)
			must(t, tryCode(t, h, app, s.ID, sent))
		}
	})
}

func TestCodesAreNotResentAtOnce(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := byCode(t, h, "demo", map[string]any{"code.resend_after": "30s"})
		s := start(t, h, app, "ana@example.org")
		sent := code(t, h, app, s.ID)
		s, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP})
		must(t, err)
		if n := len(h.Mail(t)); n != 0 {
			t.Errorf("law: a code that was sent a moment ago is not sent again; %d mails left", n)
		}
		for _, prompt := range s.Prompts {
			if prompt.Choice == core.ChoiceEmailOTP && (!prompt.Code.Sent || time.Until(prompt.Code.ResendAt) != 30*time.Second) {
				t.Errorf("law: a flow says when the next code may be sent; it says %+v", prompt.Code)
			}
		}
		time.Sleep(31 * time.Second)
		if next := code(t, h, app, s.ID); next == sent {
			t.Log("two codes in a row were the same, which happens once in a million")
		}
	})
}

// TestF9AddressMayChangeUntilItIsProved holds where people go by names: another
// address voids what was sent to the one before.
func TestF9AddressMayChangeUntilItIsProved(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", map[string]any{"username.format": "string"})
		begin := func(name string) core.FlowID {
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Username: name})
			must(t, err)
			return s.ID
		}
		send := func(id core.FlowID, choice core.ChoiceName, email string) (flow.State, string) {
			h.Mail(t)
			s, err := h.Flows.Restart(t.Context(), app, id, flow.Answer{Choice: choice, Email: email})
			must(t, err)
			mail := h.Mail(t)
			if len(mail) != 1 || mail[0].To != email {
				t.Fatalf("law: what proves a mailbox is sent to it; %d mails for %s", len(mail), email)
			}
			if choice == core.ChoiceEmailOTP {
				return s, mail[0].Values["code"]
			}
			return s, flowtest.LinkCode(t, mail[0])
		}
		id := begin("newcomer")
		_, err := h.Flows.Restart(t.Context(), app, id, flow.Answer{Choice: core.ChoiceEmailOTP})
		want(t, err, core.CodeInvalid, "a code without an address to send it to")
		_, err = h.Flows.Restart(t.Context(), app, id, flow.Answer{Choice: core.ChoiceEmailOTP, Email: "ana@example.org"})
		want(t, err, core.CodeTaken, "a code to somebody else's address")
		_, old := send(id, core.ChoiceEmailOTP, "one@example.org")
		s, oldLink := send(id, core.ChoiceMagicLink, "one@example.org")
		_, sent := send(id, core.ChoiceEmailOTP, "two@example.org")
		if old != sent {
			want(t, tryCode(t, h, app, id, old), core.CodeWrongCode, "the code of the address before")
		}
		_, err = h.Flows.Answer(t.Context(), app, id, flow.Answer{Choice: core.ChoiceMagicLink, State: link(s, core.ChoiceMagicLink).State, Code: oldLink})
		want(t, err, core.CodeTicketInvalid, "the link of the address before")
		_, err = h.Flows.OpenLink(t.Context(), app, core.ChoiceMagicLink, oldLink)
		want(t, err, core.CodeTicketInvalid, "opening the link of the address before")
		must(t, tryCode(t, h, app, id, sent))
		for _, choice := range []core.ChoiceName{core.ChoiceSetEmail, core.ChoiceEmailOTP, core.ChoicePassword} {
			_, err = h.Flows.Answer(t.Context(), app, id, flow.Answer{Choice: choice, Email: "three@example.org", Password: "another fine phrase 8", Code: sent})
			if err == nil {
				t.Errorf("law: behind the proof the address stays; %s changed it", choice)
			}
		}
		grant, err := h.Flows.Complete(t.Context(), app, id)
		must(t, err)
		if u := grant.User; u.Email != "two@example.org" || !u.EmailVerified || u.Username != "newcomer" {
			t.Errorf("law: who signs up has the address that was proved; they have %q (%v) as %q", u.Email, u.EmailVerified, u.Username)
		}
	})
}

// TestPeopleWhoGoByNames sign in by name, by address, and under no other name.
func TestPeopleWhoGoByNames(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", map[string]any{"username.format": "string"})
		user, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: "cara@example.org", Username: "Cara.Roe"})
		must(t, err)
		h.SetPassword(t, app, user.ID, flowtest.Password)
		for _, given := range []flow.Start{{Username: "cara.roe"}, {Username: "CARA.ROE"}, {Email: "cara@example.org"}, {Username: "Cara@example.org"}} {
			s, err := h.Flows.Start(t.Context(), app, given)
			must(t, err)
			if given.Email == "" && s.Email != "" {
				t.Errorf("law: a name does not tell the address; %+v told %s", given, s.Email)
			}
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			grant, err := h.Flows.Complete(t.Context(), app, s.ID)
			must(t, err)
			if grant.User.ID != user.ID {
				t.Errorf("law: name and address lead to one person; %+v led to %s", given, grant.User.Email)
			}
		}
		// One counter, whatever was typed (B2).
		h.Set(t, app, map[string]any{"lockout.failures": 3, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		for _, given := range []flow.Start{{Username: "cara.roe"}, {Email: "cara@example.org"}, {Username: "CARA.roe"}} {
			s, err := h.Flows.Start(t.Context(), app, given)
			must(t, err)
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "wrong but long enough"))
			want(t, err, core.CodeWrongCredentials, "a wrong password")
		}
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: "cara@example.org"})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeLocked, "the right password after three wrong ones under other spellings")
	})
}

func TestF10MagicLinkInAnotherBrowser(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", nil)
		mine, elsewhere := app, app
		mine.Actor, elsewhere.Actor = core.Actor{Kind: core.ActorClient, ID: "hosted"}, core.Actor{Kind: core.ActorClient, ID: "hosted"}
		mine.Browser, elsewhere.Browser = []byte("the one that began"), []byte("the one with the mail")
		s, err := h.Flows.Start(t.Context(), mine, flow.Start{Email: "ana@example.org", Types: []core.FlowType{core.FlowSignin}, Concealed: true})
		must(t, err)
		_, err = h.Flows.Restart(t.Context(), mine, s.ID, flow.Answer{Choice: core.ChoiceMagicLink})
		must(t, err)
		mail := h.Mail(t)
		open, err := h.Flows.OpenLink(t.Context(), elsewhere, core.ChoiceMagicLink, flowtest.LinkCode(t, mail[len(mail)-1]))
		must(t, err)
		if string(open.Browser) != string(mine.Browser) {
			t.Error("law: a magic link lets in the window that asked for it, and no other")
		}
		_, err = h.Flows.Complete(t.Context(), elsewhere, s.ID)
		want(t, err, core.CodeFlowEnded, "completing in the browser that opened the link")
		_, err = h.Flows.Complete(t.Context(), mine, s.ID)
		must(t, err)
	})
}

// TestDisabledIsToldBehindTheCode holds for codes and links as for passwords.
func TestDisabledIsToldBehindTheCode(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", nil)
		disabled := true
		_, err := h.Directory.Change(t.Context(), app, core.UserRef{Email: "ana@example.org"}, directory.UserChange{Disabled: &disabled})
		must(t, err)
		s := start(t, h, app, "ana@example.org")
		sent := code(t, h, app, s.ID)
		want(t, tryCode(t, h, app, s.ID, other(sent)), core.CodeWrongCode, "a wrong code of somebody disabled")
		want(t, tryCode(t, h, app, s.ID, sent), core.CodeDisabled, "the right code of somebody disabled")
		a := mailed(core.ChoiceMagicLink)(t, h, app, s)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, a)
		want(t, err, core.CodeDisabled, "the link of somebody disabled")
	})
}

// TestI2FirstProofOfTheMailbox is about somebody who signs up with another's
// address where mailboxes need not be proved: when its owner comes in by the
// mailbox, the other one's password and session are gone.
func TestI2FirstProofOfTheMailbox(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		for _, choice := range []core.ChoiceName{core.ChoiceEmailOTP, core.ChoiceMagicLink} {
			app := byCode(t, h, "pool-"+strings.ReplaceAll(string(choice), "_", "-"), nil)
			s := start(t, h, app, "victim@example.org")
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			stranger, err := h.Flows.Complete(t.Context(), app, s.ID)
			must(t, err)

			s, err = h.Flows.Start(t.Context(), app, flow.Start{Email: "victim@example.org", Types: []core.FlowType{core.FlowSignin}, Concealed: true})
			must(t, err)
			a := flow.Answer{Choice: choice}
			if choice == core.ChoiceEmailOTP {
				a.Code = code(t, h, app, s.ID)
			} else {
				a = mailed(choice)(t, h, app, s)
			}
			_, err = h.Flows.Answer(t.Context(), app, s.ID, a)
			must(t, err)
			owner, err := h.Flows.Complete(t.Context(), app, s.ID)
			must(t, err)

			_, err = h.Sessions.Check(t.Context(), app, stranger.Access.Token)
			want(t, err, core.CodeTokenInvalid, "the stranger's token after the owner came by "+string(choice))
			_, err = h.Sessions.Check(t.Context(), app, owner.Access.Token)
			must(t, err)
			s, err = h.Flows.Start(t.Context(), app, flow.Start{Email: "victim@example.org", Types: []core.FlowType{core.FlowSignin}, Concealed: true})
			must(t, err)
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			want(t, err, core.CodeWrongCredentials, "the stranger's password after that")
		}
	})
}

// TestI2FirstProofBehindThePassword is about a pool that begins to ask for
// mailboxes: whoever proves theirs behind their password keeps that, and no
// session from before. A second proof ends nothing.
func TestI2FirstProofBehindThePassword(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		before := h.SignIn(t, app, "ana@example.org", flowtest.Password)
		h.Set(t, app, map[string]any{"signup.verify_email": true})

		s := start(t, h, app, "ana@example.org")
		s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		_, err = h.Sessions.Check(t.Context(), app, before.Access.Token)
		must(t, err) // the password alone proves nothing new
		_, err = h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceVerifyEmail)(t, h, app, s))
		must(t, err)
		_, err = h.Sessions.Check(t.Context(), app, before.Access.Token)
		want(t, err, core.CodeTokenInvalid, "a token from before the mailbox was proved")
		p, err := h.Pools.Get(t.Context(), app.Pool)
		must(t, err)
		_, err = h.Sessions.Refresh(t.Context(), app, p.Settings, before.Refresh.Token, "")
		want(t, err, core.CodeTokenInvalid, "a refresh from before the mailbox was proved")
		after, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)

		h.SignIn(t, app, "ana@example.org", flowtest.Password)
		_, err = h.Sessions.Check(t.Context(), app, after.Access.Token)
		must(t, err)
	})
}
