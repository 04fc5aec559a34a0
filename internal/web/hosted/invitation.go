package hosted

import (
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// invitationPage is the page behind the link of an invitation.
type invitationPage struct {
	Action  string
	Code    string
	Inviter string
	Email   string
}

// showInvitation shows a button, as showLink does: opening the page changes
// nothing.
func (p *Pages) showInvitation(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "code")
	if err != nil {
		return err
	}
	i, err := p.Flows.LookInvitation(v.r.Context(), v.caller, q["code"])
	if err != nil {
		return err
	}
	p.render(w, v, view{name: "invitation", Data: invitationPage{v.base + "/invitation", q["code"], i.Inviter, i.Email}})
	return nil
}

// acceptInvitation begins a flow for this browser. The invitation is used when
// the person comes to be, so that whoever stops half-way can begin again. Who
// has an account by now is led to sign in.
func (p *Pages) acceptInvitation(w http.ResponseWriter, v *visit) error {
	if err := v.form.only("code"); err != nil {
		return err
	}
	i, err := p.Flows.LookInvitation(v.r.Context(), v.caller, v.form["code"])
	if err != nil {
		return err
	}
	cookie := p.meet(v)
	s, err := p.Flows.Start(v.r.Context(), v.caller, flow.Start{Invitation: v.form["code"]})
	if core.Is(err, core.CodeTaken) {
		v.onward = onward{again{base: v.base, redirect: i.Callback, state: i.State}.link(core.FlowSignin, i.Email), "Sign in"}
	}
	if err != nil {
		return err
	}
	if cookie != nil {
		http.SetCookie(w, cookie)
	}
	web.See(w, v.flowPath(s.ID))
	return nil
}
