package pangea

import (
	"strconv"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// ClientID spells an application as its OAuth clients know it.
func ClientID(id core.ApplicationID) string { return show(prefixApp, id) }

// ReadClientID reads an application's id; what is none names nothing.
func ReadClientID(text string) core.ApplicationID {
	return core.ApplicationID("app_" + read(prefixApp, text))
}

// ClientSecret spells a secret of an application.
func ClientSecret(text secret.Text) secret.Text { return secret.Text(prefixSecret + text.Reveal()) }

// ReadClientSecret reads a secret of an application. The one that a pool was
// made with has no prefix.
func ReadClientSecret(text string) secret.Text {
	return secret.Text(strings.TrimPrefix(text, prefixSecret))
}

// UserToken spells an opaque token of a person; a signed one is as it is.
func UserToken(text string) string { return prefixUserTok + text }

// RefreshToken spells a refresh token.
func RefreshToken(text string) string { return prefixRefresh + text }

// ReadRefreshToken reads a refresh token; what is none stands for nothing.
func ReadRefreshToken(text string) string { return read(prefixRefresh, text) }

// AppToken spells an application's own token.
func AppToken(text string) string { return prefixAppTok + text }

// ReadAppToken reads an application's own token; what is none stands for nothing.
func ReadAppToken(text string) string { return read(prefixAppTok, text) }

// ReadLoginCode reads a code as it travels through the browser.
func ReadLoginCode(text string) string { return read(prefixCode, text) }

// CustomClaims is the claim in which the vendor's browser package looks for the
// pool's own ones.
const CustomClaims = "pangea.claims"

// Introspected is what the vendor's browser package looks for in the answer
// about a person's token, as far as the person may be shown.
func Introspected(u core.User, claims map[string]string) map[string]any {
	more := map[string]any{"pangea.profile": u.Profile, "pangea.intelligence": empty{}, CustomClaims: claims}
	if u.Email != "" {
		more["email"] = u.Email
	}
	if len(u.Profile) > 0 {
		more["profile"] = u.Profile
	}
	return more
}

// wishedScope is something that an application asks for, in the form that the
// vendor's UI reads.
type wishedScope struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
	Description string `json:"description"`
}

func wishedScopes(list []core.Scope) []wishedScope {
	scopes := []wishedScope{}
	for _, s := range list {
		scopes = append(scopes, wishedScope{s.Name, s.Title(), s.Description})
	}
	return scopes
}

type scopeSelection struct {
	Scope     string `json:"scope"`
	IsAllowed bool   `json:"is_allowed"`
}

type consentData struct {
	ScopeSelections []scopeSelection `json:"scope_selections"`
}

func (d consentData) answer(p *problems) flow.Answer {
	if d.ScopeSelections == nil {
		p.add(core.ProblemRequired, "/data/scope_selections", "This is required.")
	}
	var answer flow.Answer
	for i, s := range d.ScopeSelections {
		p.required("/data/scope_selections/"+strconv.Itoa(i)+"/scope", s.Scope)
		answer.Scopes = append(answer.Scopes, flow.ScopeAnswer{Name: s.Scope, Allowed: s.IsAllowed})
	}
	return answer
}

// oauthPart is what a flow to an application adds to the tokens: what it was
// begun with. Empty for others.
type oauthPart struct {
	ClientID            string   `json:"client_id,omitempty"`
	Scope               string   `json:"scope,omitempty"`
	CodeChallenge       string   `json:"oauth2_code_challenge,omitempty"`
	CodeChallengeMethod string   `json:"oauth2_code_challenge_method,omitempty"`
	Nonce               string   `json:"oauth2_nonce,omitempty"`
	ResponseTypes       []string `json:"oauth_response_types,omitempty"`
	RedirectURI         string   `json:"oauth2_redirect_uri,omitempty"`
	State               string   `json:"oauth2_state,omitempty"`
}

func newOAuthPart(done flow.Signed) oauthPart {
	if done.OAuth == nil {
		return oauthPart{}
	}
	part := oauthPart{
		ClientID: ClientID(done.OAuth.Application), Scope: strings.Join(done.Grant.Scopes, " "), CodeChallenge: done.OAuth.Challenge, Nonce: done.OAuth.Nonce,
		ResponseTypes: []string{"code"}, RedirectURI: done.Redirect, State: done.AppState,
	}
	if part.CodeChallenge != "" {
		part.CodeChallengeMethod = "S256"
	}
	return part
}

// completed is what a completed flow gives.
type completed struct {
	tokenPair
	oauthPart
}

// forApplication says in a token's description whose it is and what for.
func (c credential) forApplication(app core.ApplicationID, scopes []string) credential {
	if app != "" {
		c.ClientID, c.Scopes = ClientID(app), scopes
	}
	if c.Scopes == nil {
		c.Scopes = []string{}
	}
	return c
}
