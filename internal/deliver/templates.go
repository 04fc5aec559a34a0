package deliver

import (
	"embed"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// The words of the messages. Of a mail: templates/<language>/<name>.txt, whose
// first line is the subject, and .html. Of a text message: <name>.txt alone, of
// one line.
//
//go:embed templates
var templateFiles embed.FS

// language is the folder of templates/ that mails are written in.
const language = "en"

// Template is a line of the catalogue of messages.
type Template struct {
	Name    string // of its files, in settings, and in core.Message
	Meaning string
	Values  []string // what its words in {{ }} may be
	Channel core.Channel
}

// Templates is every message that the server sends. Two values are there for
// every mail without being given: app, the pool's name for people, and email,
// the address that the mail goes to; of a text message app is.
func Templates() []Template {
	return []Template{
		{"verify_email", "Asks somebody who signed up to prove their mailbox by opening the link.", []string{"app", "link", "minutes", "email"}, core.ChannelMail},
		{"reset_password", "Gives somebody who forgot their password the link to choose a new one.", []string{"app", "link", "minutes", "email"}, core.ChannelMail},
		{"email_code", "Gives somebody the code with which they prove their mailbox to come in.", []string{"app", "code", "minutes", "email"}, core.ChannelMail},
		{"one_time_code", "Gives somebody the code that a one-time flow asks for.", []string{"app", "code", "minutes", "email"}, core.ChannelMail},
		{"magic_link", "Gives somebody the link with which they prove their mailbox to come in.", []string{"app", "link", "minutes", "email"}, core.ChannelMail},
		{"set_up_account", "Gives somebody whose account was made for them, and who has no way in yet, the link to choose one.", []string{"app", "link", "minutes", "email"}, core.ChannelMail},
		{"account_exists", "Tells somebody whose address was used to sign up once more that they have an account already.", []string{"app", "link", "email"}, core.ChannelMail},
		{"invitation", "Gives somebody who was invited the link to sign up.", []string{"app", "inviter", "link", "until", "email"}, core.ChannelMail},
		{"password_changed", "Tells somebody that their password was changed.", []string{"app", "email"}, core.ChannelMail},
		{"recovery_code_used", "Tells somebody that one of their recovery codes was used.", []string{"app", "left", "email"}, core.ChannelMail},
		{"password_locked", "Tells somebody that their password works no more, because there were too many wrong tries.", []string{"app", "email"}, core.ChannelMail},
		{"sms_code", "Gives somebody the code with which they prove their telephone to come in.", []string{"app", "code", "minutes"}, core.ChannelText},
	}
}
