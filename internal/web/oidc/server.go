package oidc

import (
	"net/http"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// Deps is what the server is made from.
type Deps struct {
	Pools    *pool.Pools
	Sessions *session.Sessions
	Places   web.Places
	Words    Words
	Pages    Pages
	// Traffic counts what is asked. Nil: nobody counts.
	Traffic *web.Traffic
}

// Pages is what people see, in whose hands signing in is.
type Pages struct {
	// Begin begins a sign-in for the browser of a request, and leads there; an
	// address may be filled in. It writes nothing where it returns an error.
	Begin func(w http.ResponseWriter, r *http.Request, at web.Place, start flow.Start, email string) error
	// Refuse shows the page of an error.
	Refuse func(w http.ResponseWriter, r *http.Request, at web.Place, err error)
	// AskToLeave asks whether somebody wants to sign out, and sends their answer
	// to an address with these fields; target is where that may lead on.
	AskToLeave func(w http.ResponseWriter, r *http.Request, at web.Place, action string, fields [][2]string, target string)
	// Leave forgets the browser, and leads on, or says that somebody is signed out.
	Leave func(w http.ResponseWriter, r *http.Request, at web.Place, target string)
}

// Server answers OAuth 2.0 and OpenID Connect for all pools.
type Server struct {
	Deps
	mux    *http.ServeMux
	origin *http.CrossOriginProtection
}

// faceName is what operators know the server by.
const faceName = "oauth"

// New makes the server.
func New(d Deps) *Server {
	s := &Server{Deps: d, mux: http.NewServeMux(), origin: http.NewCrossOriginProtection()}
	for _, rt := range routes(d.Words.Paths) {
		asked := d.Traffic.Route(faceName, rt.path)
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			web.At(r.Context(), asked)
			s.handle(w, r, rt)
		})
		s.mux.Handle(rt.path, handler)
		s.mux.Handle("/p/{pool}"+rt.path, handler)
		if rt.inserted {
			s.mux.Handle(rt.path+"/p/{pool}", handler)
		}
	}
	return s
}

// Serves reports whether a request is for this server.
func (s *Server) Serves(r *http.Request) bool {
	_, pattern := s.mux.Handler(r)
	return pattern != ""
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// visit is a request at a pool's endpoints.
type visit struct {
	r      *http.Request
	at     web.Place
	caller core.Caller
	given  params
}

// handle is the one way through a route: method, pool, parameters, answer.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, rt route) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Request-Id", core.Tail(web.From(r.Context()).ID)) // by which the log has the cause of a fault
	if rt.anySite {
		// Any page may call, because what it calls with is in the request and
		// never in a cookie.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After, X-Request-Id")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	if rt.anySite && r.Method == http.MethodOptions {
		// A browser asks before it sends the request.
		h.Set("Access-Control-Allow-Methods", rt.allow())
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	v := &visit{r: r}
	err := s.enter(w, v, rt)
	if err == nil {
		err = rt.run(s, w, v)
	}
	switch {
	case err == nil:
	case rt.page:
		s.Pages.Refuse(w, r, v.at, err)
	default:
		writeProblem(w, r, err)
	}
}

// enter fills in the visit, or says why it goes no further.
func (s *Server) enter(w http.ResponseWriter, v *visit, rt route) error {
	if !slices.Contains(rt.methods, v.r.Method) {
		w.Header().Set("Allow", rt.allow())
		return core.Fail(core.CodeMethodNotAllowed, "This path does not take this method.")
	}
	at, err := s.Places.Locate(v.r)
	if err != nil {
		return err
	}
	v.at = at
	v.caller = web.From(v.r.Context()).Caller(at.Pool.ID, core.Actor{Kind: core.ActorClient, ID: faceName})
	v.given, err = readParams(v.r, rt)
	return err
}
