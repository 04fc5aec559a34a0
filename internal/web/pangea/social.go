package pangea

import (
	"errors"
	"net/url"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// socialData is where the browser came back from a provider, with all that it
// brought.
type socialData struct {
	SocialProvider string `json:"social_provider"`
	URI            string `json:"uri"`
}

func (d socialData) answer(p *problems) flow.Answer {
	p.required("/data/social_provider", d.SocialProvider)
	p.required("/data/uri", d.URI)
	if len(d.URI) > maxURI {
		p.add(core.ProblemTooLong, "/data/uri", "This is longer than 16 KiB.")
		return flow.Answer{}
	}
	var state string
	if u, err := url.Parse(d.URI); err == nil {
		state = read(prefixState, u.Query().Get("state"))
	}
	return flow.Answer{Provider: d.SocialProvider, URI: d.URI, State: state}
}

// maxURI is how long an address may be that a provider led back to, in bytes.
const maxURI = 16 << 10

// providerItems is one item of the list of choices for each provider.
func providerItems(prompt flow.Prompt, s flow.State) []choiceItem {
	var items []choiceItem
	for _, p := range prompt.Providers {
		if prompt.Choice == core.ChoiceSAML {
			items = append(items, choiceItem{choiceWordOf(prompt.Choice), samlItem(p, s)})
			continue
		}
		state := LinkState(p.State)
		query := url.Values{"state": {state}, "flow": {string(s.ID)}}
		if s.Redirect != "" {
			query.Set("redirect_uri", s.Redirect)
		}
		items = append(items, choiceItem{choiceWordOf(prompt.Choice), map[string]any{
			"enrollment": p.Enrollment, "social_provider": p.Name, "state": state, "redirect_uri": p.Bridge + "?" + query.Encode(),
		}})
	}
	return items
}

// providerResult is what an error says beside about who else would be let in,
// for the vendor's pages; nil for most errors.
func providerResult(err error) map[string]any {
	if way, ok := errors.AsType[*flow.OtherWay](err); ok {
		provider := way.Provider
		if provider == "" {
			provider = authenticatorWords()[way.Kind]
		}
		return map[string]any{"correct_provider": provider, "email": way.Email}
	}
	if other, ok := errors.AsType[*flow.OtherAddress](err); ok {
		return map[string]any{"incorrect_email": other.Email}
	}
	return nil
}
