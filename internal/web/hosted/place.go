package hosted

import (
	"net"
	"net/url"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// locate finds the pool whose pages a request asks for: by its path, else by
// the host, else the development server's pool.
func (p *Pages) locate(v *visit) error {
	ctx := v.r.Context()
	name := v.r.PathValue("pool")
	if name == "" {
		own, found, err := p.atHost(v)
		if err != nil {
			return err
		}
		if found {
			v.pool = own
			return nil
		}
		if p.BarePool == "" {
			return noPage()
		}
		if v.pool, err = p.Pools.Find(ctx, p.BarePool); core.Is(err, core.CodeNotFound) {
			err = noPage()
		}
		return err
	}
	asked, err := p.Pools.Find(ctx, name)
	if core.Is(err, core.CodeNotFound) {
		return noPage()
	}
	if err != nil {
		return err
	}
	// At a host of its own a pool is alone: another's pages there would look
	// like its, and be given its cookie.
	own, found, err := p.atHost(v)
	if err != nil {
		return err
	}
	if found && own.ID != asked.ID && hostName(v.r.Host) != p.publicHost(asked) {
		return noPage()
	}
	v.pool, v.base = asked, "/p/"+asked.Name
	return nil
}

// atHost finds the pool that has the request's host.
func (p *Pages) atHost(v *visit) (core.Pool, bool, error) {
	host := hostName(v.r.Host)
	if host == "" {
		return core.Pool{}, false, nil
	}
	own, err := p.Pools.AtHost(v.r.Context(), host)
	if core.Is(err, core.CodeNotFound) {
		return core.Pool{}, false, nil
	}
	return own, err == nil, err
}

// publicHost is the name in the public address of a pool's pages.
func (p *Pages) publicHost(pool core.Pool) string {
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
