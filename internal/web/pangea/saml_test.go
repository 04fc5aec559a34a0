package pangea_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// samlItem is the item of a SAML provider as the vendor has it: no key more.
type samlItem struct {
	Enrollment   *bool  `json:"enrollment"`
	ProviderID   string `json:"provider_id"`
	ProviderName string `json:"provider_name"`
	State        string `json:"state"`
	RedirectURI  string `json:"redirect_uri"`
	IDPInitFlow  bool   `json:"idp_init_flow"`
}

func readSAMLItem(t *testing.T, a answer) samlItem {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(a.choiceData(t, "saml")))
	decoder.DisallowUnknownFields()
	var item samlItem
	if err := decoder.Decode(&item); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return item
}

// SAML has the vendor's shape: the item, the answer with an address, and the
// flow that is begun by what a provider said unasked.
func TestSAMLInTheVendorsShape(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		acme := flowtest.NewSAML(t, "acme")
		acme.Provider.SAML.Unsolicited = true
		s := newServer(t, st, map[string]any{"signup.verify_email": false, "profile.fields": []string{}, "signin.providers": []core.Provider{acme.Provider}})
		const callback = "https://someurl.com/callbacklink"
		begin := func() (answer, string) {
			a := s.post(t, "/v2/flow/start", `{"cb_uri":"`+callback+`"}`)
			return a, a.field(t, "flow_id")
		}
		update := func(id, data string) answer {
			return s.post(t, "/v2/flow/update", fmt.Sprintf(`{"flow_id":%q,"choice":"saml","data":%s}`, id, data))
		}
		a, id := begin()
		item := readSAMLItem(t, a)
		u, err := url.Parse(item.RedirectURI)
		if err != nil || item.Enrollment == nil || !regexp.MustCompile(`^pss_[a-z2-7]{32}$`).MatchString(item.ProviderID) || item.ProviderName != "SSO of acme" ||
			!regexp.MustCompile(`^pcb_[a-z2-7]{32}$`).MatchString(item.State) || item.IDPInitFlow ||
			u.Path != "/p/demo/flow/saml/acme" || u.Query().Get("state") != item.State || u.Query().Get("redirect_uri") != callback || u.Query().Get("flow") == "" {
			t.Fatalf("law: a provider is an item as the vendor has it: %s", a.body)
		}
		brought := acme.Answer(t, s.House, s.app, state(t, s, id))
		uri := callback + "?" + url.Values{"state": {item.State}, "code": {"pmc_" + brought.Code}}.Encode()
		named := fmt.Sprintf(`"provider_id":%q,"provider_name":"SSO of acme"`, item.ProviderID)
		for _, data := range []string{
			`{}`, `{` + named + `}`, `{"provider_id":"acme","uri":"x"}`, `{` + named + `,"uri":"x","idp_flow_state":"` + item.State + `"}`,
			`{` + named + `,"uri":5}`, `{` + named + `,"other":"x"}`,
		} {
			if a := update(id, data); a.status != http.StatusBadRequest || a.Status != "ValidationError" {
				t.Errorf("law: %s is not in order; the answer is %s", data, a.body)
			}
		}
		for what, data := range map[string]string{
			"nothing that was brought":   `{` + named + `,"uri":"` + callback + `"}`,
			"another code":               `{` + named + `,"uri":"` + callback + `?state=` + item.State + `&code=` + unknown("pmc_") + `"}`,
			"another state":              `{` + named + `,"uri":"` + callback + `?state=` + unknown("pcb_") + `&code=pmc_` + brought.Code + `"}`,
			"another provider":           `{"provider_id":"` + unknown("pss_") + `","provider_name":"x","uri":"` + uri + `"}`,
			"a beginning that was none":  `{` + named + `,"idp_flow_state":"` + item.State + `"}`,
			"an error from the provider": `{` + named + `,"uri":"` + callback + `?state=` + item.State + `&error=access_denied"}`,
		} {
			if a := update(id, data); a.status != http.StatusBadRequest || a.Status == "Success" {
				t.Errorf("law: %s lets nobody in: %s", what, a.body)
			}
		}
		a = update(id, fmt.Sprintf(`{%s,"uri":%q}`, named, uri))
		if a.Status != "Success" || a.field(t, "flow_phase") != "phase_completed" {
			t.Fatalf("law: what the provider said lets in: %s", a.body)
		}
		if a = s.post(t, "/v2/flow/complete", `{"flow_id":"`+id+`"}`); a.Status != "Success" {
			t.Fatalf("%s", a.body)
		}
		a = s.post(t, "/v2/user/authenticators/list", `{"email":"ana@example.org"}`)
		if a.field(t, "authenticators", "0", "type") != "saml" || a.field(t, "authenticators", "0", "provider_name") != "SSO of acme" || a.field(t, "authenticators", "0", "provider") != item.ProviderID {
			t.Errorf("law: a way in by a provider is listed with it: %s", a.body)
		}

		// Begun at the provider.
		taken, err := s.Flows.TakeSAML(t.Context(), s.app, "acme", acme.IdP.Answer(acme.Said(s.House, s.app, "demo")))
		if err != nil {
			t.Fatal(err)
		}
		a = s.post(t, "/v2/flow/start", `{"saml_idp_initiated_ticket":"pmc_`+taken.Ticket+`"}`)
		item = readSAMLItem(t, a)
		if !item.IDPInitFlow || item.RedirectURI != "" {
			t.Fatalf("law: a flow that a provider began says so: %s", a.body)
		}
		id = a.field(t, "flow_id")
		if a = update(id, fmt.Sprintf(`{%s,"idp_flow_state":%q}`, named, item.State)); a.Status != "Success" || a.field(t, "flow_phase") != "phase_completed" {
			t.Fatalf("law: and goes on by its state: %s", a.body)
		}
		for what, ticket := range map[string]string{"was used": "pmc_" + taken.Ticket, "is nobody's": unknown("pmc_"), "is none": "x", "is a token": unknown("ptu_")} {
			if a := s.post(t, "/v2/flow/start", `{"saml_idp_initiated_ticket":"`+ticket+`"}`); a.status != http.StatusBadRequest || a.Status == "Success" {
				t.Errorf("law: a ticket that %s begins no flow: %s", what, a.body)
			}
		}
	})
}

// state is where a flow is, as the machine has it.
func state(t *testing.T, s *server, id string) flow.State {
	t.Helper()
	found, err := s.Flows.State(t.Context(), s.app, core.FlowID("flw_"+strings.TrimPrefix(id, "pfl_")))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
