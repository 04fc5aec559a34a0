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
	return p.cookie(p.cookieName(), text, 0)
}

// forget takes the cookie back.
func (p *Pages) forget(w http.ResponseWriter) { http.SetCookie(w, p.cookie(p.cookieName(), "", -1)) }

// deviceLife is how long a browser is known that somebody signed in from, in
// seconds, and the longest that browsers keep a cookie. It begins anew with each
// sign-in.
const deviceLife = 400 * 24 * 60 * 60

// deviceName is the cookie by which a browser is known to the person who signed
// in from it last. Nobody is signed in by it: it only has wrong tries from
// elsewhere not count here. So it stays when the person leaves.
func (p *Pages) deviceName() string { return p.cookieName() + "-device" }

// device is what a browser brings to be known by; what it is worth, the machine
// finds out.
func (p *Pages) device(r *http.Request) string {
	cookie, err := r.Cookie(p.deviceName())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// keptName is the cookie by which a browser is remembered that somebody gave a
// second factor from, if they wished.
func (p *Pages) keptName() string { return p.cookieName() + "-kept" }

// kept is what a browser brings to be remembered by, or "".
func (p *Pages) kept(r *http.Request) string {
	cookie, err := r.Cookie(p.keptName())
	if err != nil || !secret.IsText(cookie.Value) {
		return ""
	}
	return cookie.Value
}

func (p *Pages) cookie(name, text string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: text, Path: "/", MaxAge: maxAge, Secure: p.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
