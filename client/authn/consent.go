package authn

// OAuthConsentChoice asks what an application may have that signs somebody in
// by OAuth: see [FlowStartRequest].
type OAuthConsentChoice struct {
	Scopes []OAuthScope `json:"scopes"`
}

// OAuthScope is something that an application asks for, in words for people.
type OAuthScope struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
	Description string `json:"description"`
}

// OAuthConsentAnswer says what the application may have. What it may not, it does
// not get, and the flow goes on.
type OAuthConsentAnswer struct {
	ScopeSelections []ScopeSelection `json:"scope_selections"`
}

// ScopeSelection says whether an application may have a scope.
type ScopeSelection struct {
	Scope     string `json:"scope"`
	IsAllowed bool   `json:"is_allowed"`
}

// Choice returns [ChoiceOAuthConsent].
func (OAuthConsentChoice) Choice() Choice { return ChoiceOAuthConsent }

// Answers returns [ChoiceOAuthConsent].
func (OAuthConsentAnswer) Answers() Choice { return ChoiceOAuthConsent }

// FlowOAuth is what a flow to an application was begun with. It is empty in
// others, and in answers that complete no flow.
type FlowOAuth struct {
	ClientID            string   `json:"client_id,omitempty"`
	Scope               string   `json:"scope,omitempty"` // what the tokens may be used for, with blanks between
	CodeChallenge       string   `json:"oauth2_code_challenge,omitempty"`
	CodeChallengeMethod string   `json:"oauth2_code_challenge_method,omitempty"`
	Nonce               string   `json:"oauth2_nonce,omitempty"`
	ResponseTypes       []string `json:"oauth_response_types,omitempty"`
	RedirectURI         string   `json:"oauth2_redirect_uri,omitempty"`
	State               string   `json:"oauth2_state,omitempty"`
}
