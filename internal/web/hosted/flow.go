package hosted

import (
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// What a form does with a choice.
const (
	actionAnswer   = "answer"
	actionRestart  = "restart"  // begin it again: a link is sent
	actionContinue = "continue" // see whether it was done elsewhere
	actionDeny     = "deny"     // an application is to have nothing of what it asks for
)

// flowID is the flow that the path names.
func (v *visit) flowID() core.FlowID { return core.FlowID(v.r.PathValue("id")) }

// state is where the visit's flow is. Without a cookie there is none: a flow
// without a browser was begun over an API, and is none of ours.
func (p *Pages) state(v *visit, id core.FlowID) (flow.State, error) {
	if v.caller.Browser == nil || !secret.IsText(core.Tail(id)) {
		return flow.State{}, core.Fail(core.CodeFlowEnded, "The browser brought no cookie, or the path names no flow.")
	}
	return p.Flows.State(v.r.Context(), v.caller, id)
}

// showFlow shows what a flow asks for.
func (p *Pages) showFlow(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "choice", "notice", "email")
	if err != nil {
		return err
	}
	s, err := p.state(v, v.flowID())
	if err != nil {
		return err
	}
	said := said{notice: notices()[notice(q["notice"])], values: form{"email": q["email"]}}
	p.showState(w, v, s, core.ChoiceName(q["choice"]), said)
	return nil
}

// showState shows a flow's choice, or that nothing is left to do.
func (p *Pages) showState(w http.ResponseWriter, v *visit, s flow.State, asked core.ChoiceName, said said) {
	s.Prompts = p.usable(s)
	page := view{Wrong: said.err != nil, targets: formTarget(s.Redirect), Said: disclaimer(s.Pool.Settings.Disclaimer)}
	if said.err != nil {
		page.status = refusalOf(said.err).status
		setRetryAfter(w.Header(), said.err)
	}
	prompt, ok := pick(s.Prompts, asked)
	if !ok {
		page.name, page.Data = "completed", screen{Action: v.flowPath(s.ID)}
		p.render(w, v, page)
		return
	}
	sc := newScreen(v, s, prompt, said, p.again(v, s))
	agreements, err := p.agreementFields(prompt.Agreements, said.values)
	if err != nil {
		p.refuse(w, v, err)
		return
	}
	sc.Agreements, sc.Providers = agreements, providerLinks(v, s, p.LinkState)
	page.name, page.Data = string(prompt.Choice), sc
	if prompt.Choice == core.ChoicePasskey && sc.Options != "" {
		page.Script = p.script.path
	}
	p.allowCaptcha(&page, prompt.Captcha)
	p.render(w, v, page)
}

// answerFlow takes a form of a flow's page.
func (p *Pages) answerFlow(w http.ResponseWriter, v *visit) error {
	// Flows without a browser are not ours; see state.
	if _, err := p.state(v, v.flowID()); err != nil {
		return err
	}
	c, known := choiceNamed(v.form["choice"])
	action := v.form["action"]
	if action == "" {
		action = actionAnswer
	}
	fields := []string{"choice", "action"}
	switch action {
	case actionAnswer:
		fields = append(append(fields, c.fields...), "keep")
	case actionRestart:
		fields = append(fields, c.begin...)
	}
	if err := v.form.only(fields...); err != nil {
		return err
	}
	var next string // what to show then
	var err error
	switch {
	case action == actionContinue:
		next, err = p.lookAgain(w, v)
	case action == actionDeny:
		next, err = p.deny(v)
	case !known:
		return core.Fail(core.CodeInvalid, "There is no such choice.")
	case action == actionRestart:
		next, err = p.restart(v, c)
	case action == actionAnswer:
		next, err = p.answer(w, v, c)
	default:
		return core.Fail(core.CodeInvalid, "There is no such action.")
	}
	if err != nil {
		return p.notSo(w, v, c, err)
	}
	web.See(w, next)
	return nil
}

// answer gives an answer and returns where the browser goes then.
func (p *Pages) answer(w http.ResponseWriter, v *visit, c choice) (string, error) {
	a := c.answer(v.form)
	a.Choice, a.Keep = c.name, v.form["keep"] != ""
	s, err := p.Flows.Answer(v.r.Context(), v.caller, v.flowID(), a)
	if err != nil {
		return "", err
	}
	return p.proceed(w, v, s)
}

// proceed goes on as far as it needs no person: what the next page asks for is
// sent unasked, but for a forgotten password and a first way in, and a flow that is complete ends
// once there is nothing to be shown either.
func (p *Pages) proceed(w http.ResponseWriter, v *visit, s flow.State) (string, error) {
	if s.Phase == core.PhaseCompleted {
		if offers(s.Prompts, core.ChoiceRecoveryCode) || (offers(p.usable(s), core.ChoicePasskey) && !p.notNow(v.r)) {
			return v.flowPath(s.ID), nil
		}
		return p.finish(w, v, s.ID)
	}
	prompt, ok := pick(s.Prompts, "")
	if ok && (prompt.Link != nil || prompt.Code != nil) && prompt.Choice != core.ChoiceResetPassword && prompt.Choice != core.ChoiceProvisional && !prompt.NeedPhone {
		if sent, _ := sentTo(prompt); !sent {
			if _, err := p.Flows.Restart(v.r.Context(), v.caller, s.ID, flow.Answer{Choice: prompt.Choice}); err != nil {
				return "", err
			}
		}
	}
	return v.flowPath(s.ID), nil
}

// restart begins a choice again. A link that was sent a moment ago is not sent
// again; the page says so.
func (p *Pages) restart(v *visit, c choice) (string, error) {
	before, err := p.state(v, v.flowID())
	if err != nil {
		return "", err
	}
	after, err := p.Flows.Restart(v.r.Context(), v.caller, v.flowID(), flow.Answer{Choice: c.name, Phone: strings.TrimSpace(v.form["phone"])})
	if err != nil {
		return "", err
	}
	next := web.WithQuery(v.flowPath(v.flowID()), "choice", string(c.name))
	prompt, _ := find(before.Prompts, c.name)
	if sent, resend := sentTo(prompt); sent {
		said := noticeResent
		if p.Store.Clock().Before(resend) && after.Phone == before.Phone {
			said = noticeEarly
		}
		next = web.WithQuery(next, "notice", string(said))
	}
	return next, nil
}

// lookAgain is for a window that waits while a link is opened elsewhere.
func (p *Pages) lookAgain(w http.ResponseWriter, v *visit) (string, error) {
	s, err := p.state(v, v.flowID())
	if err != nil {
		return "", err
	}
	asked := core.ChoiceName(v.form["choice"])
	if s.Phase == core.PhaseCompleted && asked == core.ChoicePasskey {
		p.later(w)
		return p.finish(w, v, s.ID)
	}
	if s.Phase == core.PhaseCompleted {
		return p.proceed(w, v, s)
	}
	next := v.flowPath(s.ID)
	if prompt, ok := pick(s.Prompts, asked); ok && prompt.Choice == asked && prompt.Link != nil {
		next = web.WithQuery(next, "choice", string(asked), "notice", string(noticeWaiting))
	}
	return next, nil
}

// finish ends a flow, and returns where it ends: at the application, with a
// code for it, or at a page of ours. The browser is known to its person from
// now on.
func (p *Pages) finish(w http.ResponseWriter, v *visit, id core.FlowID) (string, error) {
	s, err := p.Flows.CompleteWithCode(v.r.Context(), v.caller, id)
	if core.Is(err, core.CodeTicketInvalid) {
		return v.lateForDevice(), nil
	}
	if err != nil {
		return "", err
	}
	http.SetCookie(w, p.cookie(p.deviceName(), s.Device, deviceLife))
	if s.Remembered != "" {
		http.SetCookie(w, p.cookie(p.keptName(), s.Remembered, int(time.Duration(s.Pool.Settings.RememberDeviceLife).Seconds())))
	}
	if forDevice(s.State) {
		return v.base + deviceDonePath, nil
	}
	if s.Redirect == "" {
		return v.base + "/login-success", nil
	}
	pairs := []string{"code", p.Code(s.Code)}
	if s.AppState != "" {
		pairs = append(pairs, "state", s.AppState)
	}
	if s.OAuth != nil {
		pairs = append(pairs, "iss", p.Sessions.Issuer(v.pool))
	}
	return web.WithQuery(s.Redirect, pairs...), nil
}

// notSo shows the page again on which something was refused. What was typed
// stays, but for the password. Whose network is over its budget gets a page of
// its own, from which there is a way back.
func (p *Pages) notSo(w http.ResponseWriter, v *visit, c choice, err error) error {
	if core.Is(err, core.CodeTooMany) {
		v.onward = onward{v.flowPath(v.flowID()), "Go back"}
		return err
	}
	s, gone := p.state(v, v.flowID())
	if gone != nil {
		return err
	}
	web.Fault(v.r.Context(), err)
	values := form{}
	for name, value := range v.form {
		if name != "password" && name != "passkey" {
			values[name] = value
		}
	}
	p.showState(w, v, s, c.name, said{err: err, values: values})
	return nil
}
