package authn

// SocialChoice offers another provider through which the person may come in. A
// flow has one for each; see [OfferedProvider].
type SocialChoice struct {
	Enrollment bool   `json:"enrollment"`      // it is new to the person
	Provider   string `json:"social_provider"` // its name
	State      string `json:"state"`           // comes back with the browser
	// RedirectURI is where to send the browser. It comes back to the flow's
	// callback, with State and what the provider has sent.
	RedirectURI string `json:"redirect_uri"`
}

// SocialAnswer gives the address at which the browser came back. It counts once:
// behind a refusal, which is [StatusAuthenticationFailure], the choice has another
// state. [Error.CorrectProvider] and [Error.IncorrectEmail] may say why.
type SocialAnswer struct {
	Provider string `json:"social_provider"` // SocialChoice.Provider
	URI      string `json:"uri"`             // with its whole query
}

// OfferedProvider returns the choice of a provider that a flow offers now.
func OfferedProvider(s *FlowState, provider string) (SocialChoice, bool) {
	for _, offered := range s.Choices {
		if c, ok := offered.(SocialChoice); ok && c.Provider == provider {
			return c, true
		}
	}
	return SocialChoice{}, false
}

// Choice returns [ChoiceSocial].
func (SocialChoice) Choice() Choice { return ChoiceSocial }

// Answers returns [ChoiceSocial].
func (SocialAnswer) Answers() Choice { return ChoiceSocial }
