package hosted

import (
	"crypto/subtle"
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// linkPage is the page behind a link in a mail.
type linkPage struct {
	Action string
	For    core.ChoiceName
	Code   string
}

// showLink shows a button. Opening the page changes nothing: programs that
// look through mails for harm do so too.
func (p *Pages) showLink(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "for", "code")
	if err != nil {
		return err
	}
	link := linkPage{Action: v.base + "/link", For: core.ChoiceName(q["for"]), Code: q["code"]}
	if err := p.Flows.LookLink(v.r.Context(), v.caller, link.For, link.Code); err != nil {
		return err
	}
	p.render(w, v, view{name: "link", targets: anyTarget(v.pool.Settings), Data: link})
	return nil
}

// openLink follows a link. A new way in is chosen here, whichever window
// asked for the mail. Else the flow goes on where it was begun: here if this is
// its browser, at its application if that began it, or in the other window, and
// nobody is signed in here.
func (p *Pages) openLink(w http.ResponseWriter, v *visit) error {
	if err := v.form.only("for", "code"); err != nil {
		return err
	}
	choice, code := core.ChoiceName(v.form["for"]), v.form["code"]
	cookie := p.meet(v)
	open, err := p.Flows.OpenLink(v.r.Context(), v.caller, choice, code)
	if core.Is(err, core.CodeFlowEnded) {
		// Its flow is over, and the link with it.
		err = &core.Error{Code: core.CodeTicketInvalid, Cause: err}
	}
	if err != nil {
		return err
	}
	switch {
	case len(open.Browser) > 0 && subtle.ConstantTimeCompare(open.Browser, v.caller.Browser) == 1:
		s, err := p.state(v, open.Flow)
		if err != nil {
			return err
		}
		next, err := p.proceed(w, v, s)
		if err != nil {
			return err
		}
		if cookie != nil {
			http.SetCookie(w, cookie)
		}
		web.See(w, next)
	case len(open.Browser) == 0 && open.Redirect != "":
		web.See(w, web.WithQuery(open.Redirect, "state", p.LinkState(open.State), "code", p.Code(code)))
	default:
		text := "Your e-mail address is confirmed. Go back to the window where you began, and go on there."
		p.render(w, v, view{name: "plain", Data: plain{Heading: "Done", Text: text}})
	}
	return nil
}
