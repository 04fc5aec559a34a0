package hosted

import (
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// logout takes the browser's cookie back and leads to the application. No
// session of ours is left to end: one that was begun here ended with its flow,
// and the application's own are the application's to end.
func (p *Pages) logout(w http.ResponseWriter, v *visit) error {
	q := v.form
	if v.r.Method == http.MethodPost {
		if err := q.only("redirect_uri", "local_redirect_uri", "state"); err != nil {
			return err
		}
	} else {
		var err error
		if q, err = web.Query(v.r, "redirect_uri", "local_redirect_uri", "state"); err != nil {
			return err
		}
	}
	if err := web.CheckState(q["state"]); err != nil {
		return err
	}
	asked := q["redirect_uri"]
	if local := q["local_redirect_uri"]; asked == "" {
		asked = local
	} else if local != "" && local != asked {
		return core.Fail(core.CodeInvalid, "Two different addresses to return to were given.")
	}
	if asked == "" {
		asked = v.pool.Settings.RedirectsLogout
	}
	if asked == "" {
		p.forget(w)
		p.render(w, v, view{name: "plain", Data: plain{Heading: "You are signed out", Text: "You can close this window."}})
		return nil
	}
	redirect, ok := v.pool.Settings.MatchRedirect(asked)
	if !ok {
		return core.Fail(core.CodeRedirectRefused, "This address is not among the pool's registered redirects.")
	}
	if q["state"] != "" {
		redirect = web.WithQuery(redirect, "state", q["state"])
	} else {
		redirect = web.WithQuery(redirect)
	}
	p.forget(w)
	web.See(w, redirect)
	return nil
}

// loginSuccess is where a flow ends that no application waits for.
func (p *Pages) loginSuccess(w http.ResponseWriter, v *visit) error {
	p.render(w, v, view{name: "plain", Data: plain{Heading: "You are signed in", Text: "You can close this window and go back to the application."}})
	return nil
}
