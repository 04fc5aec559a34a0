package core

import "time"

// oauthSettings is the part of the settings table about applications to which
// people sign in by OAuth 2.0 and OpenID Connect.
func oauthSettings() []Setting {
	return []Setting{
		{"oauth.scopes", "list of scopes", "What applications may ask for besides openid, profile, email and offline_access: name, label, description, and whether people are asked first (consent). One of those four may stand here to word it otherwise, or to have people asked.",
			func(s *Settings) any { return &s.OAuthScopes }, func(s *Settings) error { return checkScopes(s.OAuthScopes) }},
		{"oauth.claims", "list of claims", "What tokens for applications say out of the profile: the claim's name, the field, the scope that it needs (none: any), and where it stands (tokens): id for ID tokens and the answer about a person, access for access tokens and the answer about those.",
			func(s *Settings) any { return &s.OAuthClaims }, (*Settings).checkClaims},
		{"oauth.audience", "list of texts", "For whom access tokens of applications are (aud), besides what is set for the application. Where neither says anything: the issuer.",
			func(s *Settings) any { return &s.OAuthAudience }, func(s *Settings) error { return checkAudience(s.OAuthAudience) }},
		{"oauth.code_life", "duration", "How long the code works that an application exchanges for tokens.",
			func(s *Settings) any { return &s.OAuthCodeLife }, func(s *Settings) error { return within(s.OAuthCodeLife, time.Second, 10*time.Minute) }},
		{"oauth.client_token_life", "duration", "How long an application's own token works, which stands for no person.",
			func(s *Settings) any { return &s.OAuthClientLife }, func(s *Settings) error { return within(s.OAuthClientLife, time.Minute, 365*24*time.Hour) }},
		{"oauth.secret_life", "duration", "How long a new secret of an application works where nothing else is said. 0: until it is revoked.",
			func(s *Settings) any { return &s.OAuthSecretLife }, func(s *Settings) error {
				if s.OAuthSecretLife == 0 {
					return nil
				}
				return within(s.OAuthSecretLife, time.Hour, 10*365*24*time.Hour)
			}},
		{"redirects.default_oauth", "URL", "Where a browser is sent that signs in to an application which names no address and has several. It must be one of the application's own.",
			func(s *Settings) any { return &s.RedirectsOAuth }, func(s *Settings) error {
				if s.RedirectsOAuth == "" {
					return nil
				}
				return CheckRedirect(s.RedirectsOAuth)
			}},
	}
}

// defaultClaims are those of OpenID Connect (Core 1.0 section 5.1) whose fields
// most profiles have.
func defaultClaims() []Claim {
	return []Claim{
		{Name: "given_name", Field: "first_name", Scope: ScopeProfile, Tokens: []ClaimPlace{ClaimInID}},
		{Name: "family_name", Field: "last_name", Scope: ScopeProfile, Tokens: []ClaimPlace{ClaimInID}},
	}
}
