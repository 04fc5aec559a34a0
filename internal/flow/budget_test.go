package flow_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// from is the caller at a network of its own.
func from(caller core.Caller, network string) core.Caller {
	caller.Actor, caller.Network = core.Actor{Kind: core.ActorClient, ID: "key_client"}, network
	return caller
}

// try tries a password in a flow of its own.
func try(t *testing.T, h *flowtest.House, caller core.Caller, email, password string) error {
	t.Helper()
	s, err := h.Flows.Start(t.Context(), caller, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: email})
	if err != nil {
		return err
	}
	_, err = h.Flows.Answer(t.Context(), caller, s.ID, answer(core.ChoicePassword, password))
	return err
}

// happened counts the events of a name.
func happened(t *testing.T, h *flowtest.House, caller core.Caller, name core.EventName) (n int) {
	t.Helper()
	for _, e := range h.Events(t, caller) {
		if e.Name == name {
			n++
		}
	}
	return n
}

// TestB1AnEndToGuessing is abuse case B1: a hundred wrong tries from as many
// networks are the end of a password, even of the right one, until its owner
// proves the mailbox or somebody lifts the lockout.
func TestB1AnEndToGuessing(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.enabled": false, "lockout.enabled": false})
		ana := h.Person(t, app, "ana@example.org")
		for _, recover := range []func(){
			func() {
				_, err := h.Directory.Change(t.Context(), app, core.UserRef{ID: ana.ID}, directory.UserChange{Unlock: true})
				must(t, err)
				must(t, try(t, h, from(app, "right"), "ana@example.org", flowtest.Password))
			},
			func() {
				s := start(t, h, app, "ana@example.org")
				s, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
				must(t, err)
				_, err = h.Flows.OpenLink(t.Context(), app, core.ChoiceResetPassword, flowtest.LinkCode(t, h.Mail(t)[0]))
				must(t, err)
				_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoiceSetPassword, "a new long password 3"))
				must(t, err)
				must(t, try(t, h, from(app, "right"), "ana@example.org", "a new long password 3"))
			},
		} {
			locked := happened(t, h, app, core.EventUserLocked)
			for _, email := range []string{"ana@example.org", fmt.Sprintf("nobody%d@example.org", locked)} {
				before := h.Hasher.Evaluated()
				for n := range 100 {
					want(t, try(t, h, from(app, fmt.Sprint("127.0.0.", n)), email, "wrong"), core.CodeWrongCredentials, fmt.Sprint("wrong try ", n+1))
				}
				for range 3 {
					want(t, try(t, h, from(app, "right"), email, flowtest.Password), core.CodeLocked, "the right password after a hundred wrong ones")
				}
				if n := h.Hasher.Evaluated() - before; n != 100 {
					t.Errorf("%s: %d passwords were compared, want 100", email, n)
				}
			}
			is, err := h.Directory.Locked(t.Context(), app, ana.ID)
			if err != nil || !is {
				t.Errorf("who is locked out for good is not shown to be: %v", err)
			}
			mail := h.Mail(t)
			if len(mail) != 1 || mail[0].Template != "password_locked" || mail[0].To != "ana@example.org" {
				t.Errorf("the mails are %v, want one that the password works no more", mail)
			}
			if n := happened(t, h, app, core.EventUserLocked); n != locked+1 {
				t.Errorf("%d events tell of %d lockouts", n, locked+1)
			}
			recover()
			h.Mail(t)
		}
	})
}

// TestA8NobodyIsLockedOutAlike is abuse case A8: by no number of tries can one
// tell whether there is somebody.
func TestA8NobodyIsLockedOutAlike(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := h.Pool(t, "demo", map[string]any{"signup.enabled": false, "lockout.most": 12})
		h.Person(t, app, "ana@example.org")
		told := map[string][]string{}
		for _, email := range []string{"ana@example.org", "nobody@example.org"} {
			for n := range 60 {
				err := try(t, h, from(app, fmt.Sprint(email, n)), email, "wrong")
				var refused *core.Error
				if !errors.As(err, &refused) {
					t.Fatal(err)
				}
				told[email] = append(told[email], fmt.Sprint(refused.Code, refused.RetryAfter, refused.Detail))
				if n%2 == 1 {
					time.Sleep(refused.RetryAfter)
				}
			}
		}
		if !slices.Equal(told["ana@example.org"], told["nobody@example.org"]) {
			t.Errorf("somebody is answered\n%v\nand nobody\n%v", told["ana@example.org"], told["nobody@example.org"])
		}
	})
}

// TestB5OneTryAtEachOfVeryMany is abuse case B5: what one network may get
// wrong is counted, whosever accounts it tries, and whether they are there.
func TestB5OneTryAtEachOfVeryMany(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := h.Pool(t, "demo", map[string]any{"signup.enabled": false})
		h.Person(t, app, "ana@example.org")
		attacker := from(app, "2001:db8::/64")
		before, wrong := h.Hasher.Evaluated(), 0
		for minute := range 60 {
			refused := 0
			for n := range 25 {
				email := fmt.Sprintf("user%d.%d@example.org", minute, n)
				err := try(t, h, attacker, email, "Password123")
				var told *core.Error
				switch {
				case core.Is(err, core.CodeWrongCredentials):
					wrong++
				case errors.As(err, &told) && told.Code == core.CodeTooMany && told.RetryAfter > 0 && told.RetryAfter <= time.Hour:
					refused++
				default:
					t.Fatalf("try %d of minute %d gave %v", n, minute, err)
				}
				if n == 10 && refused == 0 {
					// A success among them takes nothing and gives nothing back.
					must(t, try(t, h, attacker, "ana@example.org", flowtest.Password))
				}
			}
			if refused < 5 {
				t.Errorf("in minute %d %d of 25 tries were refused, want at least 5", minute, refused)
			}
			must(t, try(t, h, from(app, "198.51.100.7"), "ana@example.org", flowtest.Password))
			time.Sleep(time.Minute)
		}
		compared := h.Hasher.Evaluated() - before
		if wrong != 200 {
			t.Errorf("in an hour %d wrong tries were compared, want 200 (%d passwords in all)", wrong, compared)
		}
		if n := happened(t, h, app, core.EventBudgetSpent); n != 10 {
			t.Errorf("%d events tell that the budget was used up, want one for each of the 10 times", n)
		}
		if n := happened(t, h, app, core.EventPasswordRefused); n != wrong {
			t.Errorf("%d events tell of %d wrong passwords", n, wrong)
		}
		must(t, try(t, h, attacker, "ana@example.org", flowtest.Password))
	})
}

// TestB5ServersAreNotCounted says whom budgets of networks leave alone: a
// server application calls for all its people from one address.
func TestB5ServersAreNotCounted(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.enabled": false, "budget.tries_per_minute": 1, "budget.flows_per_minute": 1, "budget.mails_per_hour": 1})
		for n := range 5 {
			want(t, try(t, h, app, fmt.Sprintf("user%d@example.org", n), "wrong"), core.CodeWrongCredentials, "a server's wrong try")
		}
	})
}

// TestB7LockingSomebodyOut is abuse case B7: who uses up a person's tries
// leaves them those of the devices that they signed in from.
func TestB7LockingSomebodyOut(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.enabled": false, "signup.verify_email": false, "lockout.enabled": false, "budget.flows_per_minute": 0})
		other := h.Pool(t, "other", map[string]any{"signup.enabled": false})
		for _, email := range []string{"ana@example.org", "eve@example.org"} {
			h.Person(t, app, email)
		}
		h.Person(t, other, "ana@example.org")
		device := func(email, password string) string {
			s := start(t, h, app, email)
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, password))
			must(t, err)
			done, err := h.Flows.CompleteWithCode(t.Context(), app, s.ID)
			must(t, err)
			return done.Device
		}
		with := func(caller core.Caller, device string) core.Caller { caller.Device = device; return caller }
		anas, eves := device("ana@example.org", flowtest.Password), device("eve@example.org", flowtest.Password)
		for _, pool := range []core.Caller{app, other} {
			for n := range 120 {
				err := try(t, h, from(pool, fmt.Sprint("127.0.0.", n)), "ana@example.org", "wrong")
				if pool.Pool == other.Pool && core.Is(err, core.CodeLocked) {
					break
				}
			}
		}
		for name, caller := range map[string]core.Caller{
			"no device": from(app, "home"), "another person's device": with(from(app, "home"), eves), "a device of another pool": with(from(other, "home"), anas),
			"a forged device": with(from(app, "home"), secret.Random()+secret.Random()), "a device cut short": with(from(app, "home"), anas[:len(anas)-1]),
			"half a device": with(from(app, "home"), anas[:32]), "a device of other digits": with(from(app, "home"), secret.Random()+anas[32:]),
		} {
			want(t, try(t, h, caller, "ana@example.org", flowtest.Password), core.CodeLocked, "the right password with "+name)
		}
		// The device has tries of its own, and an end of its own.
		home := with(from(app, "home"), anas)
		must(t, try(t, h, home, "ana@example.org", flowtest.Password))
		for n := range 100 {
			want(t, try(t, h, home, "ana@example.org", "wrong"), core.CodeWrongCredentials, fmt.Sprint("wrong try ", n+1, " from the device"))
		}
		want(t, try(t, h, home, "ana@example.org", flowtest.Password), core.CodeLocked, "the right password after a hundred wrong ones from the device")

		// A new password comes by mail as before, and ends what devices are worth.
		second := with(from(app, "work"), device("eve@example.org", flowtest.Password))
		s := start(t, h, app, "eve@example.org")
		h.Mail(t)
		s, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
		must(t, err)
		_, err = h.Flows.OpenLink(t.Context(), app, core.ChoiceResetPassword, flowtest.LinkCode(t, h.Mail(t)[0]))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoiceSetPassword, "a new long password 3"))
		must(t, err)
		for n := range 100 {
			want(t, try(t, h, from(app, fmt.Sprint("127.0.0.", n)), "eve@example.org", "wrong"), core.CodeWrongCredentials, "a wrong try")
		}
		want(t, try(t, h, second, "eve@example.org", "a new long password 3"), core.CodeLocked, "a device from before the new password")
	})
}

// TestB19MailsToOneMailbox is abuse case B19, and A5 with it: over budget
// everything is answered as always, and nothing is put in line.
func TestB19MailsToOneMailbox(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := h.Pool(t, "demo", nil)
		h.Person(t, app, "ana@example.org")
		h.Person(t, app, "bob@example.org")
		// ask asks for a new password in a flow of its own.
		ask := func(caller core.Caller, email string) flow.LinkPrompt {
			t.Helper()
			s, err := h.Flows.Start(t.Context(), caller, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: email, Concealed: true})
			must(t, err)
			s, err = h.Flows.Restart(t.Context(), caller, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
			must(t, err)
			told := link(s, core.ChoiceResetPassword)
			told.State, told.ResendAt = "", told.ResendAt.Truncate(0)
			return told
		}
		sent := 0
		for n := range 10 {
			network := fmt.Sprint("198.51.100.", n)
			if known, nobody := ask(from(app, network), "ANA@example.org"), ask(from(app, network), "nobody@example.org"); known != nobody || !known.Sent {
				t.Errorf("request %d is answered %+v for somebody and %+v for nobody", n+1, known, nobody)
			}
			ask(from(app, network+"x"), "ana@example.org") // within 30 seconds
			mail := h.Mail(t)
			if want := min(1, max(0, 5-n)); len(mail) != want {
				t.Errorf("request %d sent %d mails, want %d", n+1, len(mail), want)
			}
			sent += len(mail)
			time.Sleep(31 * time.Second)
		}
		for range 60 {
			time.Sleep(time.Hour)
			for n := range 8 {
				ask(from(app, fmt.Sprint("198.51.100.", n)), "ana@example.org")
				time.Sleep(31 * time.Second)
			}
			sent += len(h.Mail(t))
			if sent == 20 {
				break
			}
		}
		time.Sleep(time.Hour)
		ask(from(app, "x"), "ana@example.org")
		if mail := h.Mail(t); len(mail) > 0 || sent != 20 {
			t.Errorf("in a day %d mails were sent to one mailbox and then %d more, want 20", sent, len(mail))
		}
		ask(from(app, "x"), "bob@example.org")
		if mail := h.Mail(t); len(mail) != 1 || mail[0].To != "bob@example.org" {
			t.Errorf("another mailbox has a budget of its own; it got %v", mail)
		}
		time.Sleep(25 * time.Hour)
		ask(from(app, "x"), "ana@example.org")
		if mail := h.Mail(t); len(mail) != 1 {
			t.Errorf("a day later %d mails were sent, want 1", len(mail))
		}
	})
}

// TestA5CodesHeldBack has a budget hold a code back: whoever is there goes on
// with the one before it, as long as that lives and as often as that may be
// tried, and by no answer can they be told from nobody (A5).
func TestA5CodesHeldBack(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := byCode(t, h, "demo", map[string]any{"code.life": "5m", "budget.mails_to_one_per_hour": 1})
		ask := func(id core.FlowID) {
			t.Helper()
			_, err := h.Flows.Restart(t.Context(), app, id, flow.Answer{Choice: core.ChoiceEmailOTP})
			must(t, err)
		}
		var told [2][]string
		var good string
		flows := [2]core.FlowID{}
		for i, email := range []string{"ana@example.org", "nobody@example.org"} {
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: email, Concealed: true})
			must(t, err)
			flows[i] = s.ID
			ask(s.ID)
		}
		good = flowtest.MailedCode(t, h.Mail(t))
		guess := func(times int) {
			t.Helper()
			for i, id := range flows {
				for range times {
					err := tryCode(t, h, app, id, other(good))
					var refused *core.Error
					if !errors.As(err, &refused) {
						t.Fatal(err)
					}
					told[i] = append(told[i], fmt.Sprint(refused.Code, refused.RetryAfter, refused.Detail))
				}
			}
		}
		guess(2)
		time.Sleep(2 * time.Minute)
		for _, id := range flows {
			ask(id)
		}
		guess(2)
		if mail := h.Mail(t); len(mail) > 0 {
			t.Fatalf("over budget %d mails were sent", len(mail))
		}
		// The code before one that was held back is good.
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: "bob@example.org", Concealed: true})
		must(t, err)
		ask(s.ID)
		bobs := flowtest.MailedCode(t, h.Mail(t))
		ask(s.ID)
		must(t, tryCode(t, h, app, s.ID, bobs))

		time.Sleep(4 * time.Minute) // past the life of the code that was sent, within that of the next
		want(t, tryCode(t, h, app, flows[0], good), core.CodeWrongCode, "a code past its life")
		want(t, tryCode(t, h, app, flows[1], good), core.CodeWrongCode, "anything, told to nobody")
		guess(4)
		time.Sleep(2 * time.Minute)
		guess(1)
		for _, id := range flows {
			ask(id)
			ask(id)
		}
		guess(6)
		if !slices.Equal(told[0], told[1]) {
			t.Errorf("law: what a held-back code answers is the same for somebody and for nobody; it was\n%v and\n%v", told[0], told[1])
		}
	})
}

// A code that was sent once is tried five times at most, however often another
// one is asked for that a budget holds back.
func TestB11ACodeHeldBackIsNoMoreTries(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byCode(t, h, "demo", map[string]any{"budget.mails_to_one_per_hour": 1})
		s := start(t, h, app, "ana@example.org")
		sent := code(t, h, app, s.ID)
		for range 5 {
			want(t, tryCode(t, h, app, s.ID, other(sent)), core.CodeWrongCode, "a wrong code")
			_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP})
			must(t, err)
		}
		want(t, tryCode(t, h, app, s.ID, sent), core.CodeWrongCode, "the right code behind five wrong ones, each before a mail that did not leave")
	})
}

// TestB19MailsFromOneNetwork has one network write to very many, and very many
// networks exhaust a pool.
func TestB19MailsFromOneNetwork(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"budget.mails_per_hour": 3, "budget.mails_per_day": 5, "budget.flows_per_minute": 0, "redirects.allowed": []string{invitedCallback}})
		for n := range 12 {
			email := fmt.Sprintf("new%d@example.org", n)
			// Six mails from the first network, six from networks of their own.
			caller := from(app, fmt.Sprint("198.51.100.", max(5, n)))
			s, err := h.Flows.Start(t.Context(), caller, flow.Start{Types: []core.FlowType{core.FlowSignup}, Email: email, Concealed: true})
			must(t, err)
			s, err = h.Flows.Restart(t.Context(), caller, s.ID, flow.Answer{Choice: core.ChoiceVerifyEmail})
			must(t, err)
			if !link(s, core.ChoiceVerifyEmail).Sent {
				t.Errorf("request %d does not look as if it had sent something", n+1)
			}
			mail := h.Mail(t)
			if sends := n < 3 || n == 6 || n == 7; sends != (len(mail) == 1) {
				t.Errorf("request %d sent %d mails", n+1, len(mail))
			}
		}
		p, err := h.Pools.Get(t.Context(), app.Pool)
		must(t, err)
		// A server application is told: it invites somebody whom it knows.
		_, err = h.Invitations.Invite(t.Context(), app, p, directory.NewInvitation{Inviter: "ana@example.org", Email: "guest@example.org", Callback: invitedCallback})
		want(t, err, core.CodeTooMany, "inviting beyond the pool's budget")
		if mail := h.Mail(t); len(mail) > 0 {
			t.Errorf("a refused invitation sent %v", mail)
		}
	})
}

// TestF13FlowsWithoutNumber is abuse case F13: one network begins so many flows
// and no more, each small, and they go with their time.
func TestF13FlowsWithoutNumber(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		callback := "https://app.example.org/" + string(slices.Repeat([]byte("a"), 1500))
		app := h.Pool(t, "demo", map[string]any{"redirects.allowed": []string{callback}})
		begin := func(network, state string) error {
			_, err := h.Flows.Start(t.Context(), from(app, network), flow.Start{Email: "ana@example.org", Redirect: callback, State: state})
			return err
		}
		for n := range 100 {
			err := begin("198.51.100.1", "<<<<&&&&")
			if n < 60 && err != nil || n >= 60 && !core.Is(err, core.CodeTooMany) {
				t.Errorf("flow %d of one minute gave %v", n+1, err)
			}
		}
		must(t, begin("198.51.100.2", string(slices.Repeat([]byte("<"), 1024))))
		want(t, begin("198.51.100.2", string(slices.Repeat([]byte("a"), 4096))), core.CodeTooLarge, "a flow of more than 4 kB")
		if n := happened(t, h, app, core.EventBudgetSpent); n != 1 {
			t.Errorf("%d events tell that the budget was used up, want 1", n)
		}
	})
}
