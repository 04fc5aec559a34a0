package authing

import (
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// Deps is what the face translates for.
type Deps struct {
	Pools     *pool.Pools
	Directory *directory.Directory
	Sessions  *session.Sessions
	Flows     *flow.Machine
	// ReadToken takes a person's token out of the spelling of whichever face
	// gave it out: those that this face gives out are signed, and have none.
	ReadToken func(text string) string
	// Even is how old a sign-up or sign-in is when it is answered, in pools that
	// conceal who is there. 0: nothing is held back.
	Even time.Duration
	// Traffic counts what is asked. Nil: nobody counts.
	Traffic *web.Traffic
}

// Face answers the vendor's API.
type Face struct {
	Deps
	documents     documents
	introspection prepared
	routes        map[string]map[string]handler // by path and method
	asked         map[string]*web.Route         // by path, or by the operation's name
	other         *web.Route                    // what is no line of a table
}

// faceName is what operators know the face by.
const faceName = "authing"

// New makes the face.
func New(d Deps) *Face {
	schema := readSchema()
	f := &Face{Deps: d, documents: newDocuments(schema), routes: make(map[string]map[string]handler), asked: make(map[string]*web.Route)}
	f.other = d.Traffic.Route(faceName, "other")
	f.introspection = prepare(schema)
	for _, r := range routes() {
		if f.routes[r.path] == nil {
			f.routes[r.path] = make(map[string]handler)
		}
		f.routes[r.path][r.method] = r.handle
		f.asked[r.path] = d.Traffic.Route(faceName, r.path)
	}
	for name := range operations() {
		f.asked[name] = d.Traffic.Route(faceName, pathGraphQL+" "+name)
	}
	return f
}

// Serves reports whether a path belongs to this face.
func Serves(path string) bool {
	path = clean(path)
	return path == "/graphql" || strings.HasPrefix(path, "/graphql/") || strings.HasPrefix(path, "/api/v2/")
}

// clean makes one slash of several: an SDK that is told a host with a slash at
// its end asks for "//graphql/v2".
func clean(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// ServeHTTP implements [http.Handler].
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	web.At(r.Context(), f.other)
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	shareWith(w, r, preflight)
	if preflight {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	path := clean(r.URL.Path)
	web.At(r.Context(), f.asked[path])
	methods := f.routes[path]
	handle := methods[r.Method]
	switch {
	case methods == nil:
		failRest(w, r, http.StatusOK, core.Fail(core.CodeNotYet, ""))
	case handle == nil && path == pathGraphQL:
		failGraphQL(w, r, http.StatusMethodNotAllowed, core.Fail(core.CodeMethodNotAllowed, ""))
	case handle == nil:
		failRest(w, r, http.StatusMethodNotAllowed, core.Fail(core.CodeMethodNotAllowed, ""))
	default:
		handle(f, w, r)
	}
}

// shareWith says which pages in a browser may read the answer. A preflight does
// not say which pool it is about, so any origin passes it; what matters is
// [allowOrigin].
func shareWith(w http.ResponseWriter, r *http.Request, preflight bool) {
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After")
	if !preflight {
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+strings.Join([]string{
		headerApplication, headerPool, headerLanguage, "x-authing-request-from", "x-authing-sdk-version", "x-authing-app-tenant-id",
	}, ", "))
	h.Set("Access-Control-Max-Age", "600")
}

// allowOrigin lets a page read the answer to a request that it made "with
// credentials", as the JavaScript SDK makes all of them, if the pool sends
// browsers back to pages of this origin. This face reads no cookie and sets
// none, so a browser adds nothing to such a request; the list is the pool's
// word on which pages are its own.
func allowOrigin(w http.ResponseWriter, r *http.Request, settings core.Settings) {
	if origin := r.Header.Get("Origin"); settings.AllowsOrigin(origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	}
}
