package core

import "time"

// Invitation lets one person sign up, by an address that was named in advance.
// It is pending until that person comes to be, it is deleted, or its time is
// over. Its secret is in the mail alone, and only as a keyed hash in the store.
type Invitation struct {
	ID        InvitationID // for lists and for whoever made it; opens nothing in people's hands
	Email     string       // who is invited, as it was typed, normalised
	Inviter   string       // the address of who invites, need not be anybody's
	Callback  string       // where the browser goes on afterwards, registered when it was made
	State     string       // what the application gave to recognise it
	CreatedAt time.Time
	ExpiresAt time.Time
}
