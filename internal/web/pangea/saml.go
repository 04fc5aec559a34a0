package pangea

import (
	"net/url"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// prefixSAML is of a SAML provider's id.
const prefixSAML = "pss_"

// samlData is where the browser came back from a SAML provider; or, in a flow
// that was begun with what a provider said unasked, the state of the item.
type samlData struct {
	ProviderID   string `json:"provider_id"`
	ProviderName string `json:"provider_name"`
	URI          string `json:"uri"`
	IDPFlowState string `json:"idp_flow_state"`
}

func (d samlData) answer(p *problems) flow.Answer {
	if p.required("/data/provider_id", d.ProviderID) {
		p.secret("/data/provider_id", d.ProviderID, prefixSAML)
	}
	p.secret("/data/idp_flow_state", d.IDPFlowState, prefixState)
	if d.IDPFlowState == "" {
		p.required("/data/uri", d.URI)
	}
	if d.IDPFlowState != "" && d.URI != "" {
		p.add(core.ProblemExclusive, "/data/uri", "There is either an address or the state of what the provider began.")
	}
	if len(d.URI) > maxURI {
		p.add(core.ProblemTooLong, "/data/uri", "This is longer than 16 KiB.")
		return flow.Answer{}
	}
	a := flow.Answer{Provider: read(prefixSAML, d.ProviderID), State: read(prefixState, d.IDPFlowState)}
	if u, err := url.Parse(d.URI); err == nil && d.URI != "" {
		a.State, a.Code = read(prefixState, u.Query().Get("state")), read(prefixCode, u.Query().Get("code"))
		if a.State == "" || a.Code == "" {
			a.State = "-" // it brings nothing: a state that no item has
		}
	}
	return a
}

// samlID spells a SAML provider's id.
func samlID(name string, pool core.PoolID) string {
	return prefixSAML + core.Provider{Name: name}.Tail(pool)
}

// samlItem spells one SAML provider of a prompt.
func samlItem(p flow.ProviderPrompt, s flow.State) map[string]any {
	state := LinkState(p.State)
	data := map[string]any{
		"enrollment": p.Enrollment, "provider_id": samlID(p.Name, s.Pool.ID), "provider_name": p.Title, "state": state,
	}
	if p.Bridge == "" {
		data["idp_init_flow"] = true
		return data
	}
	query := url.Values{"state": {state}, "flow": {string(s.ID)}}
	if s.Redirect != "" {
		query.Set("redirect_uri", s.Redirect)
	}
	data["redirect_uri"] = p.Bridge + "?" + query.Encode()
	return data
}
