package core

// OneTime is what a flow checks that is about no person: one of these proofs
// will do. A flow that has it makes nobody, and signs nobody in.
type OneTime struct {
	Auths []OneTimeAuth `json:"auths"`
	// Proved is which of them was given; nil before.
	Proved *OneTimeAuth `json:"proved,omitempty"`
}

// OneTimeAuth is one of them: a mailbox, a telephone or a password.
type OneTimeAuth struct {
	Kind     AuthenticatorKind `json:"kind"`
	Email    Email             `json:"email,omitzero"`
	Phone    string            `json:"phone,omitempty"`    // E.164
	Password string            `json:"password,omitempty"` // its PHC string
	// Tries is what wrong passwords are counted by: the same in every flow that
	// asks for this one.
	Tries string `json:"tries,omitempty"`
}

// OneTimeKinds lists what may be asked for in such a flow.
func OneTimeKinds() []AuthenticatorKind {
	return []AuthenticatorKind{AuthenticatorEmailOTP, AuthenticatorSMSOTP, AuthenticatorPassword}
}
