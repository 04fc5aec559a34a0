package hosted

import (
	"net/http"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// usable is what a flow offers that these pages can do: a browser lets them ask
// for the pool's passkeys only if they are on the domain that those are for.
func (p *Pages) usable(s flow.State) []flow.Prompt {
	page := p.PageURL(s.Pool)
	if s.Pool.Settings.RelyingParty(page).Covers(page) {
		return s.Prompts
	}
	return slices.DeleteFunc(slices.Clone(s.Prompts), func(prompt flow.Prompt) bool { return prompt.Choice == core.ChoicePasskey })
}

// laterLife is how long a browser is not offered a passkey again in which
// somebody wanted none, in seconds.
const laterLife = 30 * 24 * 60 * 60

// laterName is the cookie that says so. It says nothing about anybody.
func (p *Pages) laterName() string { return p.cookieName() + "-later" }

func (p *Pages) later(w http.ResponseWriter) {
	http.SetCookie(w, p.cookie(p.laterName(), "passkey", laterLife))
}

// notNow reports whether a passkey was declined in this browser.
func (p *Pages) notNow(r *http.Request) bool {
	_, err := r.Cookie(p.laterName())
	return err == nil
}
