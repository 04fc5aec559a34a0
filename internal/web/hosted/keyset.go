package hosted

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-id/gatehouse/internal/web"
)

// keySet shows the pool's public keys to whoever verifies its signed tokens,
// on any page too. A next key is published a day before it signs, so that this
// answer may be kept for a while.
func (p *Pages) keySet(w http.ResponseWriter, v *visit) error {
	keys, err := p.Sessions.KeySet(v.r.Context(), v.caller, v.pool.Settings)
	if err != nil {
		return err
	}
	set, err := web.NewKeySet(keys)
	if err != nil {
		return err
	}
	text, err := json.Marshal(set)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	// Whoever asked may have gone away.
	_, _ = w.Write(text)
	return nil
}
