package hosted

import (
	"net/http"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// Deps is what the pages are made from.
type Deps struct {
	Store *store.Store
	Pools *pool.Pools
	Flows *flow.Machine
	// Sessions has the keys by which others verify tokens.
	Sessions *session.Sessions
	// PageURL is the public address of a pool's pages, without a slash at its end.
	PageURL func(core.Pool) string
	// Secure: the public address is https.
	Secure bool
	// BarePool is the name of the pool whose pages are at a host that is no
	// pool's own, for development. Empty: none.
	BarePool string
	// Inbox is shown under /dev. Nil: nothing is there.
	Inbox *deliver.Inbox
	// Code spells a login code for the application.
	Code func(string) string
	// Authorize is where people begin anew whom an application sent by OAuth 2.0,
	// by the path before the pool's pages: with what that asked for, with this
	// type, and with an address to fill in. Nil: none does.
	Authorize func(base string, s flow.State, t core.FlowType, email string) string
	// LinkState spells the state by which the application recognises a link.
	LinkState func(string) string
	// Even is how old a request to a pool's pages is when it is answered, so
	// that nobody is told by the time who is there. 0: nothing is held back.
	Even time.Duration
	// Traffic counts what is asked. Nil: nobody counts.
	Traffic *web.Traffic
}

// Pages answers the hosted pages of all pools.
type Pages struct {
	Deps
	mux    *http.ServeMux
	other  *web.Route // what is no line of the table
	origin *http.CrossOriginProtection
	views  views
	style  asset
	script asset // of the page that asks for a passkey
	// captchaScript is of the page that asks for a proof of work.
	captchaScript asset
	markdown      markdown
}

// faceName is what operators know the pages by.
const faceName = "hosted"

// New makes the pages.
func New(d Deps) *Pages {
	p := &Pages{Deps: d, mux: http.NewServeMux(), origin: http.NewCrossOriginProtection(), views: parseViews(), style: newAsset("style", "css", "text/css", styleSheet), script: newAsset("passkey", "js", "text/javascript", passkeyScript), captchaScript: newAsset("captcha", "js", "text/javascript", captchaScript), markdown: newMarkdown()}
	p.other = d.Traffic.Route(faceName, "other")
	for _, r := range routes() {
		if r.develop && d.Inbox == nil {
			continue
		}
		asked := d.Traffic.Route(faceName, r.path)
		handler := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			web.At(req.Context(), asked)
			p.handle(w, req, r)
		})
		p.mux.Handle(r.path, handler)
		if !r.global {
			p.mux.Handle("/p/{pool}"+r.path, handler)
		}
	}
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.refuse(w, &visit{r: r}, core.Fail(core.CodeNoRoute, "There is nothing at this path."))
	})
	return p
}

// ServeHTTP implements [http.Handler].
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// First of all, so that no answer goes without, whoever writes it.
	p.protect(w.Header())
	web.At(r.Context(), p.other)
	p.mux.ServeHTTP(w, r)
}

// visit is a request at a pool's pages.
type visit struct {
	r    *http.Request
	pool core.Pool
	// base is the path before the pool's pages: "/p/name", or "" at a host of
	// its own. Pages lead to each other by path alone: no header of a request
	// says where they are.
	base   string
	caller core.Caller
	form   form   // of a POST
	onward onward // where a refusal leads
}

// handle is the one way through a route: origin, method, pool, form, page.
func (p *Pages) handle(w http.ResponseWriter, r *http.Request, rt route) {
	v := &visit{r: r}
	if !rt.global && !rt.anyone && p.Even > 0 {
		w = web.Evenly(w, r.Context(), p.Even)
	}
	run := rt.get
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		run = rt.post
	default:
		run = nil
	}
	if run == nil {
		w.Header().Set("Allow", rt.allow())
		p.refuse(w, v, core.Fail(core.CodeMethodNotAllowed, "This path does not take this method."))
		return
	}
	err := p.enter(v, rt)
	if err == nil {
		err = run(p, w, v)
	}
	if err != nil {
		p.refuse(w, v, err)
	}
}

// enter fills in the visit, or says why it goes no further.
func (p *Pages) enter(v *visit, rt route) error {
	if v.r.Method == http.MethodPost && !rt.foreign {
		if err := p.origin.Check(v.r); err != nil {
			return &core.Error{Code: core.CodeForbidden, Detail: "The form was sent by another site.", Cause: err}
		}
	}
	if rt.global {
		return nil
	}
	at, err := web.Places{Pools: p.Pools, PageURL: p.PageURL, BarePool: p.BarePool}.Locate(v.r)
	if err != nil {
		return err
	}
	if err := p.arrive(v, at); err != nil {
		return err
	}
	if v.r.Method == http.MethodPost {
		most := int64(web.MaxForm)
		if rt.foreign {
			most = maxAnswer
		}
		form, err := web.ReadForm(v.r, most)
		if err != nil {
			return err
		}
		v.form = form
	}
	return nil
}

// arrive fills in whose pages the visit is at, and who comes.
func (p *Pages) arrive(v *visit, at web.Place) error {
	v.pool, v.base = at.Pool, at.Base
	v.caller = web.From(v.r.Context()).Caller(v.pool.ID, core.Actor{Kind: core.ActorClient, ID: "hosted"})
	if err := v.pool.Settings.AdmitAddress(v.caller.Address); err != nil {
		return err
	}
	v.caller.Browser, v.caller.Device = p.browser(v.r), p.device(v.r)
	return nil
}
