package authing

import (
	"context"
	"net/http"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// The vendor's headers that say something here.
const (
	headerApplication = "x-authing-app-id"
	headerPool        = "x-authing-userpool-id"
	headerLanguage    = "x-authing-lang"
)

// visit is a request with the pool that it is about and the token that it
// brings.
type visit struct {
	caller core.Caller
	pool   core.Pool
	app    core.ApplicationID // empty: the request names the pool alone
	bearer string             // as it came; empty for none
	token  string             // the same without its spelling

	english bool
}

// say picks the sentence in the language of the visit.
func (v visit) say(zh, en string) string {
	if v.english {
		return en
	}
	return zh
}

// visit finds out which pool a request is about: that of the application it
// names, or the one it names itself. Both are public, and open nothing but what
// anybody may do.
func (f *Face) visit(ctx context.Context, r *http.Request) (visit, error) {
	v := visit{english: english(r)}
	var err error
	app, pool := strings.TrimSpace(r.Header.Get(headerApplication)), strings.TrimSpace(r.Header.Get(headerPool))
	switch {
	case app != "":
		v.app = read[core.ApplicationID](prefixApplication, app)
		v.pool, err = f.Pools.AtApplication(ctx, v.app)
		if core.Is(err, core.CodeNotFound) || (err == nil && pool != "" && read[core.PoolID](prefixPool, pool) != v.pool.ID) {
			return visit{}, faultNoSuchApplication
		}
	case pool != "":
		v.pool, err = f.Pools.Get(ctx, read[core.PoolID](prefixPool, pool))
		if core.Is(err, core.CodeNotFound) {
			return visit{}, faultNoSuchPool
		}
	default:
		return visit{}, faultNoApplication
	}
	if err != nil {
		return visit{}, err
	}
	v.caller = web.From(ctx).Caller(v.pool.ID, core.Actor{Kind: core.ActorClient, ID: string(v.app)})
	if err := v.pool.Settings.AdmitAddress(v.caller.Address); err != nil {
		return visit{}, err
	}
	if scheme, text, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		v.bearer = strings.TrimSpace(text)
		v.token = f.ReadToken(v.bearer)
	}
	return v, nil
}

// person is who the visit's token stands for.
func (f *Face) person(ctx context.Context, v visit) (core.AccessToken, error) {
	if v.bearer == "" {
		return core.AccessToken{}, faultNotSignedIn
	}
	return f.Sessions.Check(ctx, v.caller, v.token)
}
