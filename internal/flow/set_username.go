package flow

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// setUsername asks who it is where people go by a name or a telephone number.
// Whoever has an e-mail address for a name may give that.
type setUsername struct{}

func (setUsername) Prompt(t Turn) *Prompt {
	if !t.byName() || t.identified() || (t.signupOnly() && !t.mailboxProved()) {
		return nil
	}
	return &Prompt{RequiredFor: t.requireIdentifier()}
}

func (setUsername) Answer(_ context.Context, t Turn, a Answer) (Effect, error) {
	name, email, ok := readUsername(t.Settings.UsernameFormat, a.Username)
	if !ok {
		detail := "A username has 2 to 320 letters, digits and . _ + -, and is not reserved."
		if t.Settings.UsernameFormat == core.UsernamePhone {
			detail = "This is not a telephone number."
		}
		return nil, core.Invalid(core.Problem{Code: core.ProblemFormat, Pointer: "/data/username", Detail: detail})
	}
	return func(tx *store.Tx, t *Turn) error {
		user, err := tx.UserByUsername(name.Key)
		otherwise := err == nil && t.Settings.UsernameMatchCase && user.Username != name.Text && email.Key == ""
		if otherwise && !t.Facts.Concealed && t.Facts.Allows(core.FlowSignup) {
			return taken("/data/username", "This username is taken, in another spelling.")
		}
		if otherwise {
			err = core.Fail(core.CodeNotFound, "Nobody goes by this name in this spelling.")
		}
		if core.Is(err, core.CodeNotFound) && email.Key != "" {
			user, err = tx.UserByEmail(email.Key)
		}
		if core.Is(err, core.CodeNotFound) {
			t.Facts.Username = name
			if t.Facts.Email.Key == "" {
				t.Facts.Email = email
			}
			if t.Settings.UsernameFormat == core.UsernamePhone {
				t.Facts.Phone = name.Text
			}
			return nil
		}
		if err != nil {
			return err
		}
		// Somebody new who has given an address already looks for a free name.
		if t.Facts.Email.Key != "" || (!t.Facts.Concealed && !t.Facts.Allows(core.FlowSignin)) {
			return taken("/data/username", "This username is taken.")
		}
		t.Facts.Username = name
		return t.identify(tx, user)
	}, nil
}

func (setUsername) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

// readUsername reads what somebody goes by. email is filled if it is an
// address.
func readUsername(format core.UsernameFormat, s string) (name core.Username, email core.Email, ok bool) {
	if email, ok = core.ParseEmail(s); ok {
		return core.Username(email), email, true
	}
	if format == core.UsernamePhone {
		phone, ok := core.ParsePhone(s)
		return core.Username{Text: phone, Key: phone}, core.Email{}, ok
	}
	text, key, ok := core.ParseUsername(s)
	return core.Username{Text: text, Key: key}, core.Email{}, ok
}

// taken says that an identifier is somebody else's.
func taken(pointer, detail string) error {
	return &core.Error{Code: core.CodeTaken, Detail: detail, Fields: []core.Problem{{Code: core.ProblemTaken, Pointer: pointer, Detail: detail}}}
}
