package deliver

import "embed"

// The words of the mails: templates/<language>/<name>.txt, whose first line is
// the subject, and .html.
//
//go:embed templates
var templateFiles embed.FS

// language is the folder of templates/ that mails are written in.
const language = "en"

// Template is a line of the catalogue of mails.
type Template struct {
	Name    string // of its files, in settings, and in core.Message
	Meaning string
	Values  []string // what its words in {{ }} may be
}

// Templates is every mail that the server sends. Two values are there for
// every mail without being given: app, the pool's name for people, and email,
// the address that the mail goes to.
func Templates() []Template {
	return []Template{
		{"verify_email", "Asks somebody who signed up to prove their mailbox by opening the link.", []string{"app", "link", "minutes", "email"}},
		{"reset_password", "Gives somebody who forgot their password the link to choose a new one.", []string{"app", "link", "minutes", "email"}},
		{"email_code", "Gives somebody the code with which they prove their mailbox to come in.", []string{"app", "code", "minutes", "email"}},
		{"magic_link", "Gives somebody the link with which they prove their mailbox to come in.", []string{"app", "link", "minutes", "email"}},
		{"account_exists", "Tells somebody whose address was used to sign up once more that they have an account already.", []string{"app", "link", "email"}},
		{"invitation", "Gives somebody who was invited the link to sign up.", []string{"app", "inviter", "link", "until", "email"}},
		{"password_changed", "Tells somebody that their password was changed.", []string{"app", "email"}},
		{"recovery_code_used", "Tells somebody that one of their recovery codes was used.", []string{"app", "left", "email"}},
		{"password_locked", "Tells somebody that their password works no more, because there were too many wrong tries.", []string{"app", "email"}},
	}
}
