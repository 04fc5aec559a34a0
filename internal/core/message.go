package core

import "time"

// Message is a mail or a text message on its way out.
type Message struct {
	ID        MessageID
	Channel   Channel
	Template  string // the name of a file in deliver/templates
	To        string
	Values    map[string]string // what the template's words stand for
	ExpiresAt time.Time         // after this it is dropped instead of sent; zero: never
}

// Channel says by what way a message goes to somebody.
type Channel string

// The channels.
const (
	ChannelMail Channel = ""    // to an e-mail address
	ChannelText Channel = "sms" // to a telephone number, E.164
)
