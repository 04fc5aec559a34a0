package core

import "time"

// Message is a mail, a text message, or the word of a logout on its way out.
type Message struct {
	ID        MessageID
	Channel   Channel
	Template  string // the name of a file in deliver/templates; of a logout none
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
	// ChannelLogout is to the applications that are told of a logout, by their ids.
	ChannelLogout Channel = "logout"
)

// Channels lists them.
func Channels() []Channel { return []Channel{ChannelMail, ChannelText, ChannelLogout} }

// Told is what events tell of a message: never to whom a person's goes.
func (m Message) Told() map[string]string {
	switch {
	case m.Channel == ChannelLogout && m.To != "":
		return map[string]string{"application": m.To, "session": m.Values[logoutSession]}
	case m.Template != "":
		return map[string]string{"template": m.Template}
	}
	return map[string]string{}
}

// Lane is the part of a channel's line that a message stands in, within its
// pool: what waits in one holds up no other. All of a pool's mails share one,
// as do its text messages; each application has its own.
func (m Message) Lane() string {
	if m.Channel == ChannelLogout {
		return m.To
	}
	return ""
}
