package oidc

import (
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

// tokenAnswer is what a client gets (RFC 6749 section 5.1).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // in seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	IDToken      string `json:"id_token,omitempty"`
}

// token gives tokens to a client (RFC 6749 section 3.2).
func (s *Server) token(w http.ResponseWriter, v *visit) error {
	app, err := s.client(v)
	if err != nil {
		return err
	}
	v.caller.Actor.ID = string(app.ID)
	grant := core.GrantKind(v.given.of("grant_type"))
	give, known := map[core.GrantKind]func(*visit, core.Application) (tokenAnswer, error){
		core.GrantCode: s.byCode, core.GrantRefresh: s.byRefresh, core.GrantClient: s.bySecret, core.GrantDevice: s.byDevice,
	}[grant]
	switch {
	case grant == "":
		return refuse("invalid_request", "The grant_type is missing.")
	case !known:
		return refuse("unsupported_grant_type", "The grant_type is authorization_code, refresh_token, client_credentials or the one for device codes.")
	case !app.Client.May(grant):
		return refuse("unauthorized_client", "This client may not come to tokens in this way.")
	}
	answer, err := give(v, app)
	if err != nil {
		return err
	}
	w.Header().Set("Pragma", "no-cache")
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// byCode exchanges an authorization code (RFC 6749 section 4.1.3).
func (s *Server) byCode(v *visit, app core.Application) (tokenAnswer, error) {
	code := v.given.of("code")
	if code == "" {
		return tokenAnswer{}, refuse("invalid_request", "The code is missing.")
	}
	g, err := s.Sessions.ExchangeAuthorization(v.r.Context(), v.caller, v.at.Pool.Settings, app, s.Words.ReadCode(code), v.given.of("redirect_uri"), v.given.of("code_verifier"))
	if err != nil {
		return tokenAnswer{}, err
	}
	return s.answer(g), nil
}

// byRefresh carries a session on (RFC 6749 section 6).
func (s *Server) byRefresh(v *visit, app core.Application) (tokenAnswer, error) {
	refresh := v.given.of("refresh_token")
	if refresh == "" {
		return tokenAnswer{}, refuse("invalid_request", "The refresh_token is missing.")
	}
	scopes, ok := core.ReadScopes(v.given.of("scope"))
	if !ok {
		return tokenAnswer{}, refuse("invalid_scope", "There are too many scopes, or one of them is none.")
	}
	g, err := s.Sessions.RefreshFor(v.r.Context(), v.caller, v.at.Pool.Settings, app, s.Words.ReadRefresh(refresh), scopes)
	if err != nil {
		return tokenAnswer{}, err
	}
	return s.answer(g), nil
}

// bySecret gives a client a token of its own (RFC 6749 section 4.4).
func (s *Server) bySecret(v *visit, app core.Application) (tokenAnswer, error) {
	scopes, ok := v.at.Pool.Settings.AskedScopes(app.Client, v.given.of("scope"))
	if !ok {
		return tokenAnswer{}, refuse("invalid_scope", "There are too many scopes, or one of them is none that the client may ask for.")
	}
	text, t, err := s.Sessions.GiveClientToken(v.r.Context(), v.caller, v.at.Pool.Settings, app, scopes)
	if err != nil {
		return tokenAnswer{}, err
	}
	return tokenAnswer{AccessToken: s.Words.Client(text), TokenType: tokenType, ExpiresIn: seconds(t.ExpiresAt.Sub(t.CreatedAt)), Scope: strings.Join(scopes, " ")}, nil
}

// tokenType is the only one (RFC 6750).
const tokenType = "Bearer"

func (s *Server) answer(g core.Grant) tokenAnswer {
	a := tokenAnswer{
		AccessToken: g.Access.Token, TokenType: tokenType, ExpiresIn: seconds(time.Until(g.Access.ExpiresAt)), Scope: strings.Join(g.Scopes, " "), IDToken: g.IDToken,
	}
	if !session.LooksSigned(a.AccessToken) {
		a.AccessToken = s.Words.Access(a.AccessToken)
	}
	if g.Refresh.Token != "" {
		a.RefreshToken = s.Words.Refresh(g.Refresh.Token)
	}
	return a
}

// seconds rounds up, and is never 0.
func seconds(d time.Duration) int64 { return max(1, int64((d+time.Second-1)/time.Second)) }
