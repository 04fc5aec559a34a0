package hosted

import (
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/web"
)

// keySet shows the pool's public keys to whoever verifies its signed tokens.
func (p *Pages) keySet(w http.ResponseWriter, v *visit) error {
	keys, err := p.Sessions.KeySet(v.r.Context(), v.caller, v.pool.Settings)
	if err != nil {
		return err
	}
	return web.WriteKeySet(w, keys)
}
