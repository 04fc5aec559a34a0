package core

import (
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// Each kind of id is a type of its own, so that mixing two up does not
// compile. The text is a prefix and 160 random bits as 32 characters of
// a-z2-7; a face shows the same tail behind its own prefix. Ids brought in
// from elsewhere keep the tail they had, so a tail is not always 32 long.
type (
	// PoolID names a pool: one application's users, settings and keys.
	PoolID string
	// ApplicationID names an application of a pool.
	ApplicationID string
	// ApplicationSecretID names a secret of an application (not the secret itself).
	ApplicationSecretID string
	// KeyID names an API key (not the key itself).
	KeyID string
	// UserID names a person.
	UserID string
	// AuthenticatorID names one way in which a person proves who they are.
	AuthenticatorID string
	// FlowID names a sign-up or sign-in under way.
	FlowID string
	// SessionID names a session, which lives as long as its refresh tokens.
	SessionID string
	// TokenID names an access token (not the token itself).
	TokenID string
	// SigningKeyID names a pool's key for signed tokens.
	SigningKeyID string
	// RequestID names one request to the server.
	RequestID string
	// InvitationID names an invitation (not the secret in its mail).
	InvitationID string
	// AgreementID names a text that people are asked to accept.
	AgreementID string
	// GroupID names a group of people.
	GroupID string
	// ImportID names people being brought over from elsewhere.
	ImportID string
	// ImportSourceID names a file that people are brought over from.
	ImportSourceID string
	// RiskDecisionID names what the rules said of one sign-up or sign-in.
	RiskDecisionID string
	// MessageID names something that leaves: a mail.
	MessageID string
)

// NewPoolID makes an id that nothing else has.
func NewPoolID() PoolID { return PoolID("pol_" + secret.Random()) }

// NewApplicationID makes an id that nothing else has.
func NewApplicationID() ApplicationID { return ApplicationID("app_" + secret.Random()) }

// NewApplicationSecretID makes an id that nothing else has.
func NewApplicationSecretID() ApplicationSecretID {
	return ApplicationSecretID("sec_" + secret.Random())
}

// NewKeyID makes an id that nothing else has.
func NewKeyID() KeyID { return KeyID("key_" + secret.Random()) }

// UserPrefix is what a person's id begins with.
const UserPrefix = "usr_"

// NewUserID makes an id that nothing else has.
func NewUserID() UserID { return UserID(UserPrefix + secret.Random()) }

// UserIDsTogether makes ids for people who are stored together: of their 160
// random bits they have the first 40 in common, so that they stand side by side
// in what is ordered by id. Each set of people has others.
func UserIDsTogether() (next func() UserID) {
	const common = 8 // characters of 5 bits
	begin := UserPrefix + secret.Random()[:common]
	return func() UserID { return UserID(begin + secret.Random()[common:]) }
}

// longestTail is how long the tail of an id that was brought in may be.
const longestTail = 64

// KeptUserID reads a person's id as it was elsewhere, so that they keep it: 24
// to 64 letters, digits, hyphens and underscores, without the prefix of three
// letters behind which a face shows one. It returns false for anything else.
// What is shorter could be somebody's username.
func KeptUserID(text string) (UserID, bool) {
	if prefix, tail, ok := strings.Cut(text, "_"); ok && len(prefix) == len(UserPrefix)-1 && len(tail) >= shortestTail {
		text = tail
	}
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	if len(text) < shortestTail || len(text) > longestTail || strings.ContainsFunc(text, odd) {
		return "", false
	}
	return UserID(UserPrefix + text), true
}

// NewAuthenticatorID makes an id that nothing else has.
func NewAuthenticatorID() AuthenticatorID { return AuthenticatorID("aut_" + secret.Random()) }

// NewFlowID makes an id that nothing else has.
func NewFlowID() FlowID { return FlowID("flw_" + secret.Random()) }

// NewSessionID makes an id that nothing else has.
func NewSessionID() SessionID { return SessionID("ses_" + secret.Random()) }

// NewTokenID makes an id that nothing else has.
func NewTokenID() TokenID { return TokenID("tok_" + secret.Random()) }

// NewSigningKeyID makes an id that nothing else has.
func NewSigningKeyID() SigningKeyID { return SigningKeyID("sig_" + secret.Random()) }

// NewRequestID makes an id that nothing else has.
func NewRequestID() RequestID { return RequestID("req_" + secret.Random()) }

// NewInvitationID makes an id that nothing else has.
func NewInvitationID() InvitationID { return InvitationID("inv_" + secret.Random()) }

// NewAgreementID makes an id that nothing else has.
func NewAgreementID() AgreementID { return AgreementID("agr_" + secret.Random()) }

// NewGroupID makes an id that nothing else has.
func NewGroupID() GroupID { return GroupID("grp_" + secret.Random()) }

// NewImportID makes an id that nothing else has.
func NewImportID() ImportID { return ImportID("imp_" + secret.Random()) }

// NewImportSourceID makes an id that nothing else has.
func NewImportSourceID() ImportSourceID { return ImportSourceID("src_" + secret.Random()) }

// NewRiskDecisionID makes an id that nothing else has.
func NewRiskDecisionID() RiskDecisionID { return RiskDecisionID("rsk_" + secret.Random()) }

// NewMessageID makes an id that nothing else has.
func NewMessageID() MessageID { return MessageID("msg_" + secret.Random()) }

// Tail returns an id without its prefix: the part that every face shows alike.
func Tail[ID ~string](id ID) string {
	_, tail, _ := strings.Cut(string(id), "_")
	return tail
}
