package oidc

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

const (
	challengeMethod = "S256"
	// challengeLength is that of the base64url of a SHA-256.
	challengeLength = 43
	maxNonce        = 512

	promptNone    = "none"
	promptLogin   = "login"
	promptConsent = "consent"
	promptSelect  = "select_account"
	promptCreate  = "create" // Initiating User Registration via OpenID Connect 1.0
)

// authorize begins a sign-in to an application (RFC 6749 section 4.1.1). As long
// as it is not known who asks and where people go back to, what is wrong is said
// on a page; after that it is said to the application (section 4.1.2.1).
func (s *Server) authorize(w http.ResponseWriter, v *visit) error {
	settings := v.at.Pool.Settings
	app, err := s.Pools.Application(v.r.Context(), v.caller, s.Words.ReadClientID(v.given.of("client_id")))
	if core.Is(err, core.CodeNotFound) || err == nil && !app.Client.May(core.GrantCode) {
		return core.Fail(core.CodeInvalid, "There is no such client to which people sign in.")
	}
	if err != nil {
		return err
	}
	redirect, ok := app.Client.MatchRedirect(v.given.of("redirect_uri"), settings.RedirectsOAuth)
	if !ok {
		return core.Fail(core.CodeRedirectRefused, "This address is not among the client's registered redirects.")
	}
	start, wrong := s.asked(v, app)
	if wrong == nil {
		err := s.Pages.Begin(w, v.r, v.at, start, v.given.of("login_hint"))
		if !core.Is(err, core.CodeTooLarge) {
			return err
		}
		wrong = refuse("invalid_request", "The request is larger than is kept.")
	}
	pairs := []string{"error", wrong.code, "error_description", wrong.text}
	if state := v.given.of("state"); state != "" && web.CheckState(state) == nil {
		pairs = append(pairs, "state", state)
	}
	web.See(w, web.WithQuery(redirect, append(pairs, "iss", s.Sessions.Issuer(v.at.Pool))...))
	return nil
}

// asked reads what an application asks for, or says what is wrong with it.
func (s *Server) asked(v *visit, app core.Application) (flow.Start, *problem) {
	g, settings := v.given, v.at.Pool.Settings
	none := flow.Start{}
	for name, code := range map[string]string{"request": "request_not_supported", "request_uri": "request_uri_not_supported", "registration": "registration_not_supported"} {
		if g.of(name) != "" {
			return none, refuse(code, "The parameter "+name+" is not supported, and nothing is fetched.")
		}
	}
	if err := web.CheckState(g.of("state")); err != nil {
		return none, refuse("invalid_request", "The state is longer than 1 KiB or has control characters.")
	}
	switch g.of("response_type") {
	case "code":
	case "":
		return none, refuse("invalid_request", "The response_type is missing.")
	default:
		return none, refuse("unsupported_response_type", "The response_type is code.")
	}
	if mode := g.of("response_mode"); mode != "" && mode != "query" {
		return none, refuse("invalid_request", "The response_mode is query.")
	}
	scopes, ok := settings.AskedScopes(app.Client, g.of("scope"))
	if !ok {
		return none, refuse("invalid_scope", "There are too many scopes, or one of them is none that the client may ask for.")
	}
	challenge, wrong := checkChallenge(g.of("code_challenge"), g.of("code_challenge_method"), app.Client.Public())
	if wrong != nil {
		return none, wrong
	}
	nonce := g.of("nonce")
	if len(nonce) > maxNonce || strings.ContainsFunc(nonce, unicode.IsControl) {
		return none, refuse("invalid_request", "The nonce is longer than 512 bytes or has control characters.")
	}
	// Whoever comes has just proved who they are, whatever age is asked for.
	if age := g.of("max_age"); age != "" {
		if seconds, err := strconv.Atoi(age); err != nil || seconds < 0 {
			return none, refuse("invalid_request", "The max_age is a number of seconds.")
		}
	}
	prompts := strings.Fields(g.of("prompt"))
	for _, prompt := range prompts {
		if !slices.Contains(promptValues(), prompt) {
			return none, refuse("invalid_request", "There is no such prompt.")
		}
	}
	if slices.Contains(prompts, promptNone) {
		if len(prompts) > 1 {
			return none, refuse("invalid_request", "The prompt none stands alone.")
		}
		return none, refuse("login_required", "Nobody is signed in here: the pages keep no session.")
	}
	types := []core.FlowType{core.FlowSignin}
	if slices.Contains(prompts, promptCreate) && settings.SignupPossible() {
		types = []core.FlowType{core.FlowSignup}
	}
	return flow.Start{Types: types, Redirect: g.of("redirect_uri"), State: g.of("state"), OAuth: &core.Authorization{
		Application: app.ID, Scopes: scopes, Challenge: challenge, Nonce: nonce, Ask: slices.Contains(prompts, promptConsent),
	}}, nil
}

// promptValues are those that are understood.
func promptValues() []string {
	return []string{promptNone, promptLogin, promptConsent, promptSelect, promptCreate}
}

// checkChallenge wants a challenge of the one method that is safe, of everybody
// who keeps no secret (RFC 9700 section 2.1.1). A challenge without its method
// would be plain (RFC 7636 section 4.3).
func checkChallenge(challenge, method string, public bool) (string, *problem) {
	switch {
	case challenge == "" && method == "" && !public:
		return "", nil
	case challenge == "":
		return "", refuse("invalid_request", "The code_challenge is missing.")
	case method != challengeMethod:
		return "", refuse("invalid_request", "The code_challenge_method is S256.")
	case len(challenge) != challengeLength || strings.ContainsFunc(challenge, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}):
		return "", refuse("invalid_request", "The code_challenge is not the base64url of a SHA-256.")
	}
	return challenge, nil
}
