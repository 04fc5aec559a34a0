package hosted

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// scopeField is something that an application asks for, on its form.
type scopeField struct {
	Name  string // of the field that says that it is allowed
	Title string
	Text  string
}

const scopePrefix = "scope."

// scopeFields are what a prompt asks for.
func scopeFields(list []core.Scope) []scopeField {
	fields := make([]scopeField, 0, len(list))
	for _, scope := range list {
		fields = append(fields, scopeField{scopePrefix + scope.Name, scope.Title(), scope.Description})
	}
	return fields
}

// consentOf reads what is allowed: what the form showed, all of it.
func consentOf(f form) flow.Answer {
	var a flow.Answer
	for name := range f.under(scopePrefix) {
		a.Scopes = append(a.Scopes, flow.ScopeAnswer{Name: name, Allowed: true})
	}
	slices.SortFunc(a.Scopes, func(a, b flow.ScopeAnswer) int { return strings.Compare(a.Name, b.Name) })
	return a
}

// deny gives an application nothing, and returns where it is told so (RFC 6749
// section 4.1.2.1). A device is told when it asks.
func (p *Pages) deny(v *visit) (string, error) {
	s, err := p.Flows.Deny(v.r.Context(), v.caller, v.flowID())
	if err != nil {
		return "", err
	}
	if forDevice(s) {
		return v.base + deviceRefusedPath, nil
	}
	pairs := []string{"error", "access_denied", "error_description", "The person did not allow this."}
	if s.AppState != "" {
		pairs = append(pairs, "state", s.AppState)
	}
	return web.WithQuery(s.Redirect, append(pairs, "iss", p.Sessions.Issuer(v.pool))...), nil
}

// again is what is needed to begin a flow once more.
func (p *Pages) again(v *visit, s flow.State) again {
	a := again{base: v.base, redirect: s.Asked, state: s.AppState}
	if forDevice(s) {
		a.authorize = func(t core.FlowType, email string) string { return v.deviceAgain(s.ID, t, email) }
	} else if s.OAuth != nil && p.Authorize != nil {
		a.authorize = func(t core.FlowType, email string) string { return p.Authorize(v.base, s, t, email) }
	}
	return a
}

// Begin begins a flow for the browser of a request that is not at these pages,
// and leads to the flow's page, in which an address may be filled in. Nothing is
// written where it returns an error.
func (p *Pages) Begin(w http.ResponseWriter, r *http.Request, at web.Place, start flow.Start, email string) error {
	v := &visit{r: r}
	if err := p.arrive(v, at); err != nil {
		return err
	}
	p.protect(w.Header())
	start.Concealed, start.Device = true, p.kept(r)
	return p.begin(w, v, start, email, "")
}

// Refuse shows the page of an error, and leads nowhere.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, at web.Place, err error) {
	p.protect(w.Header())
	p.refuse(w, &visit{r: r, pool: at.Pool, base: at.Base}, err)
}

// leaving is the page that asks whether somebody wants to sign out.
type leaving struct {
	Action string
	Fields [][2]string
}

// AskToLeave asks whether somebody wants to sign out. Their answer goes to an
// address with these fields; target is where that may lead on.
func (p *Pages) AskToLeave(w http.ResponseWriter, r *http.Request, at web.Place, action string, fields [][2]string, target string) {
	p.protect(w.Header())
	p.render(w, &visit{r: r, pool: at.Pool, base: at.Base}, view{name: "leave", targets: formTarget(target), Data: leaving{action, fields}})
}

// Leave takes the browser's cookie back, and leads on, or says that somebody is
// signed out.
func (p *Pages) Leave(w http.ResponseWriter, r *http.Request, at web.Place, target string) {
	p.protect(w.Header())
	p.forget(w)
	if target != "" {
		web.See(w, target)
		return
	}
	p.render(w, &visit{r: r, pool: at.Pool, base: at.Base}, view{name: "plain", Data: plain{Heading: "You are signed out", Text: "You can close this window."}})
}
