package authn

// SAMLChoice is a SAML identity provider through which somebody may come in:
// there is one for each, in [FlowState.Choices]. Send the browser to RedirectURI;
// it comes back to FlowStartRequest.CallbackURI, and the answer has the address
// at which it arrived.
type SAMLChoice struct {
	Enrollment   bool   `json:"enrollment"`
	ProviderID   string `json:"provider_id"`
	ProviderName string `json:"provider_name"` // for people
	State        string `json:"state"`         // as it stands in the address to which the browser comes back
	RedirectURI  string `json:"redirect_uri,omitempty"`
	// IDPInitFlow: the flow was begun with FlowStartRequest.SAMLTicket. The
	// browser need not go anywhere: the answer has the State.
	IDPInitFlow bool `json:"idp_init_flow,omitempty"`
}

// SAMLAnswer brings what a SAML provider said. What was not said for this flow,
// or was brought before, is [StatusAuthenticationFailure].
type SAMLAnswer struct {
	ProviderID   string `json:"provider_id"`
	ProviderName string `json:"provider_name"`
	URI          string `json:"uri,omitempty"`            // where the browser came back
	IDPFlowState string `json:"idp_flow_state,omitempty"` // if SAMLChoice.IDPInitFlow
}

// Choice returns [ChoiceSAML].
func (SAMLChoice) Choice() Choice { return ChoiceSAML }

// Answers returns [ChoiceSAML].
func (SAMLAnswer) Answers() Choice { return ChoiceSAML }
