package hosted

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// SAML providers answer by a form that the browser posts here from their site,
// so that it brings no cookie of ours. What it brings is checked and kept behind
// a ticket; the browser then comes by itself to the page after, with its cookie.

// maxAnswer is how large the form of an answer may be, in bytes: 256 KiB of
// base64, escaped.
const maxAnswer = 512 << 10

// samlForm is a request that goes to a provider in a form.
type samlForm struct {
	Action string
	Title  string // of the provider
	Fields map[string]string
}

// toSAML leads a browser to a SAML provider, and knows it again by a cookie when
// it comes back, as toProvider does.
func (p *Pages) toSAML(w http.ResponseWriter, v *visit) error {
	_, j, err := p.setOut(w, v, p.Flows.AskSAML)
	if err != nil {
		return err
	}
	if j.Form == nil {
		web.See(w, j.Address)
		return nil
	}
	own, _ := v.pool.Settings.Provider(v.r.PathValue("provider"))
	p.render(w, v, view{name: "saml_form", targets: anyOf(j.Address), Data: samlForm{j.Address, own.Title(), j.Form}})
	return nil
}

// takeSAML takes the answer of a provider. Nothing of it says where the browser
// goes then: what the provider repeats beside it (RelayState) is handed on only
// if it has the form of a state of ours, and counts only with its cookie.
func (p *Pages) takeSAML(w http.ResponseWriter, v *visit) error {
	place := v.base + flow.SAMLPage + url.PathEscape(v.r.PathValue("provider"))
	state := v.form["RelayState"]
	taken, err := p.Flows.TakeSAML(v.r.Context(), v.caller, v.r.PathValue("provider"), v.form["SAMLResponse"])
	if core.Is(err, core.CodeProviderRefused) {
		web.Log(v.r.Context(), slog.LevelWarn, "the answer of a SAML provider is refused",
			slog.String("pool", v.pool.Name), slog.String("provider", v.r.PathValue("provider")), slog.String("error", short(err.Error())))
		if secret.IsText(state) {
			web.See(w, web.WithQuery(place+"/return", "state", state, "error", "access_denied"))
			return nil
		}
	}
	if err != nil {
		return err
	}
	switch {
	case taken.Page != "":
		web.See(w, web.WithQuery(taken.Page, "saml_idp_initiated_ticket", p.Code(taken.Ticket)))
	case taken.Unsolicited:
		web.See(w, web.WithQuery(place+"/begin", "code", taken.Ticket))
	case secret.IsText(state):
		web.See(w, web.WithQuery(place+"/return", "state", state, "code", taken.Ticket))
	default:
		return core.Fail(core.CodeProviderRefused, "The provider did not repeat the state.")
	}
	return nil
}

// short is what a line of the log has of a text with words of others in it.
func short(text string) string { return strings.ToValidUTF8(text[:min(len(text), 500)], "") }

// fromSAML is where a browser comes after its answer was taken. One that did not
// go to the provider from here brings nothing.
func (p *Pages) fromSAML(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "state", "code", "error")
	if err != nil {
		return err
	}
	refused := q["error"] != ""
	if !refused && !secret.IsText(q["code"]) {
		return core.Fail(core.CodeForbidden, "The address brings nothing from the provider.")
	}
	provider := v.r.PathValue("provider")
	id, ours, err := p.comeBack(w, v, q["state"])
	if err != nil {
		return err
	}
	j, err := p.Flows.ReturnFromSAML(v.r.Context(), v.caller, id, provider, ours)
	if err != nil {
		return err
	}
	switch {
	case j.Redirect != "" && refused:
		web.See(w, web.WithQuery(j.Redirect, "state", p.LinkState(j.State), "error", "access_denied"))
		return nil
	case j.Redirect != "":
		web.See(w, web.WithQuery(j.Redirect, "state", p.LinkState(j.State), "code", p.Code(q["code"])))
		return nil
	case refused:
		return p.notThere(w, v, id, core.Fail(core.CodeProviderRefused, "The provider's answer was refused."))
	}
	return p.answerSAML(w, v, id, flow.Answer{Provider: provider, State: q["state"], Code: q["code"]})
}

// answerSAML answers a flow of these pages with what a provider said.
func (p *Pages) answerSAML(w http.ResponseWriter, v *visit, id core.FlowID, a flow.Answer) error {
	a.Choice = core.ChoiceSAML
	s, err := p.Flows.Answer(v.r.Context(), v.caller, id, a)
	if err != nil {
		return p.notThere(w, v, id, err)
	}
	next, err := p.proceed(w, v, s)
	if err != nil {
		return err
	}
	web.See(w, next)
	return nil
}

// beginSAML begins a flow of these pages with what a provider said unasked.
func (p *Pages) beginSAML(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "code")
	if err != nil {
		return err
	}
	cookie := p.meet(v)
	s, err := p.Flows.Start(v.r.Context(), v.caller, flow.Start{SAML: q["code"], Concealed: true, Device: p.kept(v.r)})
	if err != nil {
		return err
	}
	if cookie != nil {
		http.SetCookie(w, cookie)
	}
	prompt, _ := find(s.Prompts, core.ChoiceSAML)
	for _, one := range prompt.Providers {
		if one.Name == v.r.PathValue("provider") && one.Bridge == "" {
			return p.answerSAML(w, v, s.ID, flow.Answer{Provider: one.Name, State: one.State})
		}
	}
	web.See(w, v.flowPath(s.ID))
	return nil
}

// samlMetadata is what a provider is to be told of us.
func (p *Pages) samlMetadata(w http.ResponseWriter, v *visit) error {
	metadata, err := p.Flows.SAMLMetadata(v.r.Context(), v.caller, v.r.PathValue("provider"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, _ = w.Write(metadata) // a browser that has gone away misses nothing
	return nil
}

// anyOf is every site of an address's scheme: a provider may lead from one of its
// own to another, and browsers hold that to the form that led to it.
func anyOf(address string) []string {
	scheme, _, _ := strings.Cut(address, ":")
	return []string{scheme + ":"}
}
