package core

import "time"

// Ticket is a one-time value: a code or a link. Only its keyed hash is stored.
type Ticket struct {
	Purpose   TicketPurpose
	Subject   string // what it was made for: a flow's id, a person's id
	Data      string // what it carries, as the purpose defines
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero while unused
}

// TicketPurpose says what a ticket may be used for. It is part of the stored
// hash: a ticket made for one purpose does not exist for another.
type TicketPurpose string

// The purposes of tickets.
const (
	TicketLogin         TicketPurpose = "login"          // exchanged for tokens after hosted sign-in
	TicketOAuth         TicketPurpose = "oauth"          // exchanged for tokens by the application that it was made for
	TicketVerifyEmail   TicketPurpose = "verify_email"   // proves a mailbox
	TicketResetPassword TicketPurpose = "reset_password" // proves a mailbox to choose a new password
	TicketMagicLink     TicketPurpose = "magic_link"     // proves a mailbox to come in
	TicketProvisional   TicketPurpose = "provisional"    // proves a mailbox to enrol a first way in
	TicketSAML          TicketPurpose = "saml"           // what a SAML provider said of somebody, for the flow that asked
)
