package flow_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// refreshCase is what happens to somebody with two sessions, and what their
// tokens are worth after it; "" is that they work.
type refreshCase struct {
	happens string
	values  map[string]any
	do      func(h *holder, t *testing.T)
	refresh core.Code // the first session's refresh token
	spent   core.Code // the second one's, which was used a moment before
	token   core.Code // the first session's token
}

// refreshCases is the whole matrix of O16. A lockout is about guessing the
// password, and anybody can cause one: it ends nothing. Of passwords the pool
// decides.
func refreshCases() []refreshCase {
	const invalid, expired = core.CodeTokenInvalid, core.CodeTokenExpired
	stay := map[string]any{"password.change_ends_sessions": false}
	return []refreshCase{
		{"nothing", nil, func(*holder, *testing.T) {}, "", "", ""},

		{"disabled", nil, (*holder).disable, invalid, invalid, invalid},
		{"disabled and enabled again", nil, func(h *holder, t *testing.T) { h.disable(t); h.enable(t) }, invalid, invalid, invalid},
		{"deleted", nil, (*holder).remove, invalid, invalid, invalid},
		{"deleted, and the address is somebody else's", nil, func(h *holder, t *testing.T) {
			h.remove(t)
			h.Person(t, h.app, h.user.Email)
		}, invalid, invalid, invalid},

		{"signed out", nil, (*holder).signOut, invalid, invalid, invalid},
		{"sessions ended one by one", nil, func(h *holder, t *testing.T) {
			for _, g := range []core.Grant{h.first, h.second} {
				must(t, h.Sessions.End(t.Context(), h.app, core.SessionID(g.Refresh.ID), false))
			}
		}, invalid, invalid, invalid},
		{"the other session ended", nil, func(h *holder, t *testing.T) {
			must(t, h.Sessions.End(t.Context(), h.app, core.SessionID(h.second.Refresh.ID), true))
		}, "", invalid, ""},
		{"all sessions ended", nil, func(h *holder, t *testing.T) { must(t, h.Sessions.EndAll(t.Context(), h.app, h.user.ID)) }, invalid, invalid, invalid},

		{"password changed in this session", nil, func(h *holder, t *testing.T) { h.change(t, h.first) }, "", invalid, ""},
		{"password changed in the other session", nil, func(h *holder, t *testing.T) { h.change(t, h.second) }, invalid, "", invalid},
		{"password changed, sessions stay", stay, func(h *holder, t *testing.T) { h.change(t, h.second) }, "", "", ""},
		{"new password by mail", nil, (*holder).reset, invalid, invalid, invalid},
		{"new password by mail, sessions stay", stay, (*holder).reset, "", "", ""},
		{"password expired", nil, (*holder).expire, invalid, invalid, invalid},
		{"password expired, sessions stay", stay, (*holder).expire, "", "", ""},
		{"password removed", nil, (*holder).takePassword, invalid, invalid, invalid},
		{"password removed, sessions stay", stay, (*holder).takePassword, "", "", ""},

		{"locked out for a while", nil, (*holder).lockOut, "", "", ""},
		{"locked out for good", map[string]any{"lockout.failures": 3, "lockout.most": 3}, (*holder).lockOut, "", "", ""},

		{"used already, within the grace", nil, (*holder).use, "", "", ""},
		{"used already, after the grace", nil, func(h *holder, t *testing.T) {
			h.use(t)
			h.age(t, `UPDATE refresh_tokens SET spent_at = spent_at - 11000000 WHERE pool = $1 AND spent_at > 0`, string(h.app.Pool))
		}, invalid, invalid, ""},
		{"used already, without a grace", map[string]any{"token.refresh_grace": "0s"}, (*holder).use, invalid, invalid, expired},
		{"past its time", nil, func(h *holder, t *testing.T) {
			h.age(t, `UPDATE refresh_tokens SET expires_at = created_at + 1 WHERE session_id = $1`, h.first.Refresh.ID)
		}, expired, "", ""},
		{"the token past its time", nil, func(h *holder, t *testing.T) {
			h.age(t, `UPDATE access_tokens SET expires_at = created_at + 1 WHERE session_id = $1`, h.first.Refresh.ID)
		}, "", "", expired},
		{"the pool asks for the token beside it", nil, func(h *holder, t *testing.T) {
			h.Set(t, h.app, map[string]any{"token.refresh_requires_user_token": true})
		}, invalid, invalid, ""},
	}
}

// TestO16RefreshMatrix is abuse case O16: who may not come in any more gets no
// tokens for those that they have. There are no grants to other applications
// yet that could be withdrawn.
func TestO16RefreshMatrix(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		house, raw := flowtest.New(storetest.Open(t, database)), storetest.Raw(t, database)
		for _, format := range []string{core.TokenOpaque, core.TokenSigned} {
			for i, c := range refreshCases() {
				h := newHolder(t, house, raw, fmt.Sprint(format, i), format, c.values)
				c.do(h, t)
				_, err := h.Sessions.Check(t.Context(), h.app, h.first.Access.Token)
				if got := codeOf(err); got != c.token {
					t.Errorf("law: %s: a check of the %s token gets %q; it gets %q (%v)", c.happens, format, c.token, got, err)
				}
				for name, try := range map[string]struct {
					token string
					want  core.Code
				}{
					"the refresh token": {h.first.Refresh.Token, c.refresh}, "the one used a moment ago": {h.spent, c.spent},
				} {
					grant, err := h.refresh(t, try.token)
					if got := codeOf(err); got != try.want {
						t.Errorf("law: %s: %s gets %q; it gets %q (%v)", c.happens, name, try.want, got, err)
					}
					if err != nil && (grant.Access.Token != "" || grant.Refresh.Token != "") {
						t.Errorf("law: %s: %s is refused, and gets tokens all the same", c.happens, name)
					}
					if err == nil {
						if _, err := h.Sessions.Check(t.Context(), h.app, grant.Access.Token); err != nil {
							t.Errorf("law: %s: %s gets a token that works; it is refused: %v", c.happens, name, err)
						}
					}
				}
			}
		}
	})
}

// codeOf is "" for what went well.
func codeOf(err error) core.Code {
	if err == nil {
		return ""
	}
	return core.CodeOf(err)
}

// holder is somebody with two sessions, of which the second was refreshed.
type holder struct {
	*flowtest.House
	raw           *sql.DB
	app           core.Caller
	user          core.User
	first, second core.Grant
	spent         string // the second session's first refresh token
}

func newHolder(t *testing.T, house *flowtest.House, raw *sql.DB, name, format string, values map[string]any) *holder {
	t.Helper()
	h := &holder{House: house, raw: raw, app: house.Pool(t, name, values)}
	h.Set(t, h.app, map[string]any{"signup.verify_email": false, "token.format": format})
	h.user = h.Person(t, h.app, "ana@example.org")
	h.first, h.second = h.SignIn(t, h.app, h.user.Email, flowtest.Password), h.SignIn(t, h.app, h.user.Email, flowtest.Password)
	h.spent = h.second.Refresh.Token
	var err error
	h.second, err = h.refresh(t, h.spent)
	must(t, err)
	return h
}

func (h *holder) settings(t *testing.T) core.Settings {
	t.Helper()
	p, err := h.Pools.Get(t.Context(), h.app.Pool)
	must(t, err)
	return p.Settings
}

func (h *holder) refresh(t *testing.T, token string) (core.Grant, error) {
	t.Helper()
	return h.Sessions.Refresh(t.Context(), h.app, h.settings(t), token, "")
}

func (h *holder) use(t *testing.T) {
	_, err := h.refresh(t, h.first.Refresh.Token)
	must(t, err)
}

func (h *holder) toggle(t *testing.T, disabled bool) {
	_, err := h.Directory.Change(t.Context(), h.app, core.UserRef{ID: h.user.ID}, directory.UserChange{Disabled: &disabled})
	must(t, err)
}

func (h *holder) disable(t *testing.T) { h.toggle(t, true) }

func (h *holder) enable(t *testing.T) { h.toggle(t, false) }

func (h *holder) remove(t *testing.T) {
	must(t, h.Directory.Delete(t.Context(), h.app, core.UserRef{ID: h.user.ID}))
}

func (h *holder) signOut(t *testing.T) {
	for _, g := range []core.Grant{h.first, h.second} {
		must(t, h.Sessions.SignOut(t.Context(), h.app, g.Access.Token))
	}
}

const anotherPassword = "another horse 8 staple"

// change changes the password in one of the sessions.
func (h *holder) change(t *testing.T, in core.Grant) {
	token, err := h.Sessions.Check(t.Context(), h.app, in.Access.Token)
	must(t, err)
	must(t, h.Passwords.Change(t.Context(), h.app, h.settings(t), token, flowtest.Password, anotherPassword))
}

// reset chooses a new password by mail.
func (h *holder) reset(t *testing.T) {
	phc, err := h.Passwords.Hash(t.Context(), h.settings(t), anotherPassword, "/password")
	must(t, err)
	put := core.Authenticator{ID: core.NewAuthenticatorID(), User: h.user.ID, Secret: phc}
	notice := core.Message{ID: core.NewMessageID(), Template: "password_changed", To: h.user.Email, Values: map[string]string{"email": h.user.Email}}
	must(t, h.Store.As(h.app).Update(t.Context(), func(tx *store.Tx) error {
		return directory.Replace(tx, h.settings(t), put, h.first.User.Credentials, "", notice, core.EventPasswordReset)
	}))
}

func (h *holder) expire(t *testing.T) {
	must(t, h.Directory.ExpirePassword(t.Context(), h.app, h.settings(t), h.user.ID))
}

func (h *holder) takePassword(t *testing.T) {
	factors, err := h.Directory.Authenticators(t.Context(), h.app, core.UserRef{ID: h.user.ID})
	must(t, err)
	must(t, h.Directory.RemoveAuthenticator(t.Context(), h.app, h.settings(t), core.UserRef{ID: h.user.ID}, factors[0].ID))
}

// lockOut guesses until nobody may any more.
func (h *holder) lockOut(t *testing.T) {
	for range 200 {
		_, err := h.Passwords.Check(t.Context(), h.app, h.settings(t), directory.Person{User: h.user.ID}, "a wrong guess")
		if core.Is(err, core.CodeLocked) {
			break
		}
		want(t, err, core.CodeWrongCredentials, "a wrong guess")
	}
	if locked, err := h.Directory.Locked(t.Context(), h.app, h.user.ID); err != nil || !locked {
		t.Fatalf("nobody is locked out: %v", err)
	}
}

// age moves what is stored into the past.
func (h *holder) age(t *testing.T, statement string, args ...any) {
	result, err := h.raw.ExecContext(t.Context(), statement, args...)
	must(t, err)
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("nothing was aged: %v", err)
	}
}
