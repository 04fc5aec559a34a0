package source

// Identity is who somebody is in the words of a provider, after every check of
// the message that said so.
type Identity struct {
	// Issuer and Subject are whom the provider means: an issuer never gives a
	// subject to two people. Neither is ever empty.
	Issuer  string
	Subject string
	// Email is the address that the provider gave; empty: none.
	Email string
	// EmailVerified: the provider says that the person reads that mailbox, and
	// is believed ([core.Provider.TrustEmail]).
	EmailVerified bool
	// Claims are the claims or attributes that are text, by their names, for the
	// profile of somebody new.
	Claims map[string]string
}
