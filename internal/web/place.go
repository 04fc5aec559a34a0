package web

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
)

// Places finds the pool that a page is asked for of.
type Places struct {
	Pools *pool.Pools
	// PageURL is the public address of a pool's pages, without a slash at its end.
	PageURL func(core.Pool) string
	// BarePool is the name of the pool whose pages are at a host that is no
	// pool's own, for development. Empty: none.
	BarePool string
}

// Place is where a request is.
type Place struct {
	Pool core.Pool
	// Base is the path before the pool's pages: "/p/name", or "" at a host of
	// its own. Pages lead to each other by path alone: no header of a request
	// says where they are.
	Base string
}

// Locate finds the pool whose pages a request asks for: by its path, in which
// {pool} is its name, else by the host, else the development server's pool.
func (p Places) Locate(r *http.Request) (Place, error) {
	ctx := r.Context()
	name := r.PathValue("pool")
	if name == "" {
		own, found, err := p.atHost(r)
		if err != nil || found {
			return Place{Pool: own}, err
		}
		if p.BarePool == "" {
			return Place{}, noPage()
		}
		bare, err := p.Pools.Find(ctx, p.BarePool)
		if core.Is(err, core.CodeNotFound) {
			err = noPage()
		}
		return Place{Pool: bare}, err
	}
	asked, err := p.Pools.Find(ctx, name)
	if core.Is(err, core.CodeNotFound) {
		return Place{}, noPage()
	}
	if err != nil {
		return Place{}, err
	}
	// At a host of its own a pool is alone: another's pages there would look
	// like its, and be given its cookie.
	own, found, err := p.atHost(r)
	if err != nil {
		return Place{}, err
	}
	if found && own.ID != asked.ID && hostName(r.Host) != p.publicHost(asked) {
		return Place{}, noPage()
	}
	return Place{asked, "/p/" + asked.Name}, nil
}

// atHost finds the pool that has the request's host.
func (p Places) atHost(r *http.Request) (core.Pool, bool, error) {
	host := hostName(r.Host)
	if host == "" {
		return core.Pool{}, false, nil
	}
	own, err := p.Pools.AtHost(r.Context(), host)
	if core.Is(err, core.CodeNotFound) {
		return core.Pool{}, false, nil
	}
	return own, err == nil, err
}

// publicHost is the name in the public address of a pool's pages.
func (p Places) publicHost(pool core.Pool) string {
	u, err := url.Parse(p.PageURL(pool))
	if err != nil {
		return ""
	}
	return hostName(u.Host)
}

// hostName is a Host header without its port, in lower case.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

func noPage() error { return core.Fail(core.CodeNoRoute, "There is no such page.") }
