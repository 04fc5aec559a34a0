package pangea

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/risk"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// Deps is what the face translates for.
type Deps struct {
	Store       *store.Store
	Pools       *pool.Pools
	Directory   *directory.Directory
	Invitations *directory.Invitations
	Agreements  *directory.Agreements
	Groups      *directory.Groups
	Imports     *directory.Imports
	Passwords   *directory.Passwords
	Sessions    *session.Sessions
	Flows       *flow.Machine
	// Risk knows where addresses are. Nil: no place is known.
	Risk *risk.Data
	// URL is where the face is reached, without a slash at its end, as answers
	// name it.
	URL string
	// Even is how old a request about a flow is when it is answered, in pools
	// that conceal who is there. 0: nothing is held back.
	Even time.Duration
	// Traffic counts what is asked. Nil: nobody counts.
	Traffic *web.Traffic
}

// Face answers the vendor's API.
type Face struct {
	Deps
	mux   *http.ServeMux
	other *web.Route // what is no line of the table
}

// faceName is what operators know the face by.
const faceName = "pangea"

// New makes the face.
func New(d Deps) *Face {
	f := &Face{Deps: d, mux: http.NewServeMux(), other: d.Traffic.Route(faceName, "other")}
	for _, r := range routes() {
		f.mux.Handle(r.path, f.handle(r))
	}
	f.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(r.Context(), w, core.Fail(core.CodeNoRoute, ""))
	})
	return f
}

// Serves reports whether a path belongs to this face.
func Serves(path string) bool {
	return path == "/v2" || strings.HasPrefix(path, "/v2/") || strings.HasPrefix(path, "/request/")
}

// ServeHTTP implements [http.Handler].
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	web.At(r.Context(), f.other)
	// Any page may call, because what it calls with is in the request and
	// never in a cookie.
	h := w.Header()
	h["Access-Control-Allow-Origin"] = []string{"*"}
	h["Access-Control-Expose-Headers"] = []string{"X-Request-Id, Retry-After"}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "POST, GET, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Pangea-Retried-Request-Ids")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	f.mux.ServeHTTP(w, r)
}

// handle is the one way through a route: method, key, body, rule, answer.
func (f *Face) handle(rt route) http.Handler {
	asked := f.Traffic.Route(faceName, rt.path)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		web.At(ctx, asked)
		result, err := f.run(ctx, rt, r)
		if err != nil {
			fail(ctx, w, err)
			return
		}
		switch result := result.(type) {
		case accepted:
			send(ctx, w, http.StatusAccepted, envelope{RequestID: result.request, Status: "Accepted", Summary: "The request is still under way", Result: result})
		case finished:
			send(ctx, w, http.StatusOK, envelope{RequestID: result.request, Status: "Success", Summary: result.summary, Result: result.result})
		default:
			success(ctx, w, rt.summary, result)
		}
	})
}

func (f *Face) run(ctx context.Context, rt route, r *http.Request) (any, error) {
	if r.Method != rt.method {
		return nil, core.Fail(core.CodeMethodNotAllowed, "")
	}
	caller, err := f.caller(ctx, rt, r)
	if err != nil {
		return nil, err
	}
	return rt.run(f, ctx, caller, input{request: r, lenient: rt.lenient})
}

// endUserHeader is where a server application may say for which address it
// calls. Only a service token is believed.
const endUserHeader = "X-End-User-Address"

// caller is whose key came with the request.
func (f *Face) caller(ctx context.Context, rt route, r *http.Request) (core.Caller, error) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return core.Caller{}, noToken()
	}
	kind, text, ok := ReadKey(strings.TrimSpace(token))
	if !ok {
		return core.Caller{}, noToken()
	}
	key, err := f.Pools.Authenticate(ctx, kind, text)
	if err != nil {
		return core.Caller{}, err
	}
	actor := core.Actor{Kind: core.ActorClient, ID: string(key.ID)}
	if kind == core.KeyService {
		actor.Kind = core.ActorService
	} else if rt.who != anyKey {
		return core.Caller{}, core.Fail(core.CodeForbidden, "This needs a service token.")
	}
	caller := web.From(ctx).Caller(key.Pool, actor)
	if address := r.Header.Get(endUserHeader); address != "" && kind == core.KeyService {
		if address, err = web.ParseAddress(address); err != nil {
			return core.Caller{}, core.Invalid(core.Problem{Code: core.ProblemFormat, Detail: endUserHeader + " is not an address."})
		}
		caller.Address, caller.Network = address, web.Network(address)
		if rt.who == anyKey { // it is that person's traffic
			return caller, f.admit(ctx, caller)
		}
	}
	if kind == core.KeyClient {
		return caller, f.admit(ctx, caller)
	}
	return caller, nil
}

// admit refuses a person's traffic from an address that the pool does not list.
func (f *Face) admit(ctx context.Context, caller core.Caller) error {
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return err
	}
	return settings.AdmitAddress(caller.Address)
}

func noToken() error {
	return core.Fail(core.CodeUnauthenticated, "The API token is missing, unknown, expired or revoked.")
}

// settings are those of the caller's pool.
func (f *Face) settings(ctx context.Context, caller core.Caller) (core.Settings, error) {
	p, err := f.Pools.Get(ctx, caller.Pool)
	return p.Settings, err
}
