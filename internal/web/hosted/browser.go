package hosted

import (
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// cookieName is the cookie that a browser is known by. The prefix makes a
// browser refuse one that was set for another host or without TLS.
func (p *Pages) cookieName() string {
	if p.Secure {
		return "__Host-gatehouse"
	}
	return "gatehouse"
}

// browser is the keyed hash by which flows know the browser; nil for one that
// brought no cookie of ours.
func (p *Pages) browser(r *http.Request) []byte {
	cookie, err := r.Cookie(p.cookieName())
	if err != nil || !secret.IsText(cookie.Value) {
		return nil
	}
	return p.browserHash(cookie.Value)
}

func (p *Pages) browserHash(text string) []byte { return p.Store.Keys().Lookup("browser", text) }

// meet makes sure that the visit has a browser. It returns the cookie to set
// for one that brought none; it goes when the browser closes, and no sign-in
// hangs on it.
func (p *Pages) meet(v *visit) *http.Cookie {
	if v.caller.Browser != nil {
		return nil
	}
	text := secret.Random()
	v.caller.Browser = p.browserHash(text)
	return p.cookie(text, 0)
}

// forget takes the cookie back.
func (p *Pages) forget(w http.ResponseWriter) { http.SetCookie(w, p.cookie("", -1)) }

func (p *Pages) cookie(text string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: p.cookieName(), Value: text, Path: "/", MaxAge: maxAge, Secure: p.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
