package flow_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// width is how many callers try at once, and rounds how often. `make test`
// runs a few rounds; ROUNDS=200 is the full measure.
const width = 64

func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("ROUNDS")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// once fails the test unless exactly one outcome is a success and the others
// are refusals.
func once(t *testing.T, what string, outcomes []error) {
	t.Helper()
	won := 0
	for _, err := range outcomes {
		switch core.CodeOf(err) {
		case core.CodeInternal, core.CodeUnavailable:
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err == nil {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%s: %d of %d succeeded, want 1", what, won, len(outcomes))
	}
}

func TestF6ParallelComplete(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		for range rounds(t) {
			s := start(t, h, app, "ana@example.org")
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			once(t, "completing a flow", parallel(width, func(int) error {
				_, err := h.Flows.Complete(t.Context(), app, s.ID)
				return err
			}))
		}
	})
}

func TestParallelLoginCode(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		for range rounds(t) {
			s := start(t, h, app, "ana@example.org")
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			done, err := h.Flows.CompleteWithCode(t.Context(), app, s.ID)
			must(t, err)
			once(t, "exchanging a login code", parallel(width, func(int) error {
				_, err := h.Sessions.ExchangeCode(t.Context(), app, core.DefaultSettings(), done.Code, "")
				return err
			}))
		}
	})
}

// TestO10CodeUsedAgain is abuse case O10: a login code that comes a second time
// gives nothing. If that is within ten seconds, as of a page that was loaded
// twice, nothing ends; later it ends what it gave the first time, and nothing
// else. Nobody can end anything by a code that was none or is past its time.
func TestO10CodeUsedAgain(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		h, raw := flowtest.New(storetest.Open(t, database)), storetest.Raw(t, database)
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		before := h.SignIn(t, app, "ana@example.org", flowtest.Password)
		coded := func() string {
			t.Helper()
			s := start(t, h, app, "ana@example.org")
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			done, err := h.Flows.CompleteWithCode(t.Context(), app, s.ID)
			must(t, err)
			return done.Code
		}
		exchange := func(caller core.Caller, code string) (core.Grant, error) {
			return h.Sessions.ExchangeCode(t.Context(), caller, core.DefaultSettings(), code, "")
		}
		code := coded()
		first, err := exchange(app, code)
		must(t, err)
		other, err := exchange(app, coded())
		must(t, err)
		_, err = exchange(h.Pool(t, "stranger", nil), code)
		want(t, err, core.CodeTicketInvalid, "a code at another pool")
		_, err = h.Sessions.Check(t.Context(), app, first.Access.Token)
		must(t, err)
		again := func() {
			t.Helper()
			for range 2 {
				_, err = exchange(app, code)
				want(t, err, core.CodeTicketInvalid, "a code that was used")
			}
		}
		again()
		_, err = h.Sessions.Check(t.Context(), app, first.Access.Token)
		must(t, err)
		_, err = raw.ExecContext(t.Context(), `UPDATE tickets SET used_at = used_at - 10000000 WHERE used_at > 0`)
		must(t, err)
		again()
		_, err = h.Sessions.Check(t.Context(), app, first.Access.Token)
		want(t, err, core.CodeTokenInvalid, "the token of a code that was used again")
		_, err = h.Sessions.Refresh(t.Context(), app, core.DefaultSettings(), first.Refresh.Token, "")
		want(t, err, core.CodeTokenInvalid, "the refresh token of a code that was used again")
		for _, g := range []core.Grant{before, other} {
			_, err = h.Sessions.Check(t.Context(), app, g.Access.Token)
			must(t, err)
		}
		told := 0
		for _, e := range h.Events(t, app) {
			if e.Name == core.EventSignedOut && e.Reason == "code_reused" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%d events tell of the end of one session", told)
		}
	})
}

func TestParallelLink(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"link.resend_after": "0s"})
		h.Person(t, app, "ana@example.org")
		for range rounds(t) {
			s := start(t, h, app, "ana@example.org")
			_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
			must(t, err)
			mail := h.Mail(t)
			code := flowtest.LinkCode(t, mail[len(mail)-1])
			once(t, "opening a link", parallel(width, func(int) error {
				_, err := h.Flows.OpenLink(t.Context(), app, core.ChoiceResetPassword, code)
				return err
			}))
		}
	})
}

func TestI14ParallelSignupsOfOneAddress(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		for round := range rounds(t) {
			spellings := []string{"Ana%d@example.org", "ana%d@EXAMPLE.org", "ANA%d@example.ORG", "aNa%d@eXample.org"}
			once(t, "signing up with one address", parallel(width, func(i int) error {
				email := fmt.Sprintf(spellings[i%len(spellings)], round)
				if i%2 == 0 {
					_, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: email})
					return err
				}
				s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email, Types: []core.FlowType{core.FlowSignup}})
				if err != nil {
					return err
				}
				for {
					_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
					if !core.Is(err, core.CodeBusy) {
						return err
					}
					time.Sleep(5 * time.Millisecond)
				}
			}))
		}
		_, total, _, err := h.Directory.List(t.Context(), app, core.Query{Size: 1})
		must(t, err)
		if total != int64(rounds(t)) {
			t.Errorf("there are %d people, want %d", total, rounds(t))
		}
	})
}

func TestO14ParallelRefresh(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		settings := core.DefaultSettings()
		for range rounds(t) {
			grant := h.SignIn(t, app, "ana@example.org", flowtest.Password)
			successors := make([]core.Grant, width)
			for i, err := range parallel(width, func(i int) (err error) {
				successors[i], err = h.Sessions.Refresh(t.Context(), app, settings, grant.Refresh.Token, "")
				return err
			}) {
				if err != nil {
					t.Errorf("refresh %d: %v", i, err)
				}
			}
			for _, g := range successors {
				if g.Refresh.Token != successors[0].Refresh.Token || g.Access.Token != successors[0].Access.Token || g.Access.ID != successors[0].Access.ID {
					t.Fatal("one refresh token has two successors")
				}
			}
			if _, err := h.Sessions.Check(t.Context(), app, successors[0].Access.Token); err != nil {
				t.Errorf("the successor does not work: %v", err)
			}
		}
	})
}
