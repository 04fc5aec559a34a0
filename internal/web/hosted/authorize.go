package hosted

import (
	"net/http"
	"net/url"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// authorize begins a flow for this browser, and leads to its page. For an
// address that is not registered it leads nowhere.
func (p *Pages) authorize(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "redirect_uri", "state", "email", "screen", "social")
	if err != nil {
		return err
	}
	if err := web.CheckState(q["state"]); err != nil {
		return err
	}
	start := flow.Start{Redirect: q["redirect_uri"], State: q["state"], Concealed: true, Device: p.kept(v.r)}
	switch core.FlowType(q["screen"]) {
	case core.FlowSignin, "":
		start.Types = []core.FlowType{core.FlowSignin}
	case core.FlowSignup:
		if !v.pool.Settings.SignupPossible() {
			v.onward = onward{again{base: v.base, redirect: q["redirect_uri"], state: q["state"]}.link(core.FlowSignin, q["email"]), "Sign in"}
			return core.Fail(core.CodeSignupClosed, "People cannot sign up by themselves here.")
		}
		start.Types = []core.FlowType{core.FlowSignup}
	default:
		return core.Fail(core.CodeInvalid, "There is no such screen.")
	}
	// An address to sign in with is taken as given. To sign up with, it is only
	// filled in: a mail follows upon it, and nothing is sent for a mere visit.
	filled := q["email"]
	if _, ok := core.ParseEmail(filled); ok && start.Types[0] == core.FlowSignin {
		start.Email, filled = filled, ""
	}
	return p.begin(w, v, start, filled, q["social"])
}

// begin begins a flow for this browser, and leads to its page, in which an
// address is filled in; social names the provider to go to at once, if any.
func (p *Pages) begin(w http.ResponseWriter, v *visit, start flow.Start, filled, social string) error {
	cookie := p.meet(v)
	s, err := p.Flows.Start(v.r.Context(), v.caller, start)
	if err != nil {
		return err
	}
	if cookie != nil {
		http.SetCookie(w, cookie)
	}
	location := v.flowPath(s.ID)
	if filled != "" {
		location = web.WithQuery(location, "email", filled[:min(len(filled), maxFilled)])
	}
	if prompt, ok := find(s.Prompts, core.ChoiceSocial); ok && social != "" {
		for i, one := range prompt.Providers {
			if one.Name == social {
				location = providerLinks(v, s, p.LinkState)[i].Href
			}
		}
	}
	web.See(w, location)
	return nil
}

// maxFilled is how much of an address that was given is filled in, in bytes.
const maxFilled = 320

// flowPath is the page of a flow.
func (v *visit) flowPath(id core.FlowID) string {
	return v.base + "/flow/" + url.PathEscape(string(id))
}

// again is what is needed to begin once more for the same application.
type again struct {
	base     string
	redirect string
	state    string
	// authorize is in place of these, where an application began by OAuth 2.0.
	authorize func(t core.FlowType, email string) string
}

// link leads to a new flow of this type.
func (a again) link(t core.FlowType, email string) string {
	if a.authorize != nil {
		return a.authorize(t, email)
	}
	q := url.Values{}
	for name, value := range map[string]string{"redirect_uri": a.redirect, "state": a.state, "email": email} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if t == core.FlowSignup {
		q.Set("screen", string(t))
	}
	if len(q) == 0 {
		return a.base + "/authorize"
	}
	return a.base + "/authorize?" + q.Encode()
}
