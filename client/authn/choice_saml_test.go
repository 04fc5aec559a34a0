package authn_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
)

// wanderer is a browser that follows nothing by itself, and sends no cookie with
// what another site has it post.
type wanderer struct {
	t   *testing.T
	jar http.CookieJar
}

func (w wanderer) travels(method, address string, form url.Values) (location string, status int) {
	w.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if method == http.MethodGet {
		client.Jar = w.jar
	}
	r := ok(http.NewRequestWithContext(w.t.Context(), method, address, strings.NewReader(form.Encode())))(w.t)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	response := ok(client.Do(r))(w.t)
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		w.t.Fatal(err)
	}
	if response.Header.Get("Location") == "" {
		return "", response.StatusCode
	}
	return ok(response.Location())(w.t).String(), response.StatusCode
}

// An application sends somebody to a SAML provider, by the server's own pages,
// and lets them in by what comes back.
func TestFlowSAML(t *testing.T) {
	idp := samltest.New(t, "https://idp.example.org/metadata")
	provider := core.Provider{
		Name: "acme", Kind: core.ProviderSAML, Label: "Acme SSO", Issuer: idp.EntityID, TrustEmail: true,
		SAML: &core.SAMLProvider{SignInURL: "https://idp.example.org/sso", Certificates: []string{idp.Certificate}, Unsolicited: true, UnsolicitedURL: callback},
	}
	settings := map[string]any{"signin.providers": []core.Provider{provider}, "profile.fields": []core.ProfileField{}}
	onEngines(t, settings, func(t *testing.T, s *server) {
		ctx, a := t.Context(), s.with(t, s.service)
		sp := source.NewSAML(s.login, provider, nil)
		said := samltest.Said{ACS: sp.ACS, Audience: sp.EntityID, NameID: "u-1", Attributes: [][2]string{{"mail", "ana@example.org"}}, Now: time.Now()}
		browser := wanderer{t, ok(cookiejar.New(nil))(t)}

		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{CallbackURI: callback}))(t)
		choice, offered := authn.Offered[authn.SAMLChoice](got)
		if !offered || choice.ProviderName != "Acme SSO" || choice.IDPInitFlow {
			t.Fatalf("law: a flow offers the pool's SAML provider: %+v", got)
		}
		away, status := browser.travels(http.MethodGet, choice.RedirectURI, nil)
		if !strings.HasPrefix(away, provider.SAML.SignInURL+"?SAMLRequest=") {
			t.Fatalf("law: its address leads to the provider; it led to %d %q", status, away)
		}
		said.InResponseTo = samltest.RequestID(t, away)
		state := ok(url.Parse(away))(t).Query().Get("RelayState")
		back, status := browser.travels(http.MethodPost, sp.ACS, url.Values{"SAMLResponse": {idp.Answer(said)}, "RelayState": {state}})
		if status != http.StatusSeeOther {
			t.Fatalf("law: the answer is taken; it was %d", status)
		}
		home, status := browser.travels(http.MethodGet, back, nil)
		if !strings.HasPrefix(home, callback+"?") || !strings.Contains(home, "state="+choice.State) {
			t.Fatalf("law: the browser comes back to the application, with the state of the choice: %d %q", status, home)
		}
		answer := authn.SAMLAnswer{ProviderID: choice.ProviderID, ProviderName: choice.ProviderName, URI: home}
		got = ok(a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: answer}))(t)
		if got.Phase != authn.PhaseCompleted {
			t.Fatalf("law: it lets them in: %+v", got)
		}
		done := ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t)
		if done.ActiveToken.Email != "ana@example.org" {
			t.Errorf("law: as whom the provider named: %+v", done)
		}
		list := ok(a.User.Authenticators.List(ctx, authn.UserRef{Email: "ana@example.org"}))(t)
		if len(list) != 1 || list[0].Type != authn.AuthenticatorSAML {
			t.Errorf("law: the provider is a way in that they have: %+v", list)
		}
		_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: ok(a.Flow.Start(ctx, authn.FlowStartRequest{CallbackURI: callback}))(t).FlowID, Answer: answer})
		if problem, isOurs := errors.AsType[*authn.Error](err); !isOurs || problem.Status != authn.StatusAuthenticationFailure {
			t.Errorf("law: what was brought to one flow is nothing to another: %v", err)
		}

		// Begun at the provider.
		said.InResponseTo = ""
		home, _ = browser.travels(http.MethodPost, sp.ACS, url.Values{"SAMLResponse": {idp.Answer(said)}})
		ticket := ok(url.Parse(home))(t).Query().Get("saml_idp_initiated_ticket")
		got = ok(a.Flow.Start(ctx, authn.FlowStartRequest{SAMLTicket: ticket}))(t)
		if choice, _ = authn.Offered[authn.SAMLChoice](got); !choice.IDPInitFlow || choice.RedirectURI != "" {
			t.Fatalf("law: who began there comes to the application with a ticket, which begins a flow: %q, %+v", home, got)
		}
		got = ok(a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.SAMLAnswer{ProviderID: choice.ProviderID, ProviderName: choice.ProviderName, IDPFlowState: choice.State}}))(t)
		if again := ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t); again.ActiveToken.ID == done.ActiveToken.ID || again.ActiveToken.Email != done.ActiveToken.Email {
			t.Errorf("law: and lets them in: %+v", again)
		}
	})
}
