package hosted

// notice names a sentence that a page shows after a redirect. It is a name and
// not the sentence, so that nobody else can put words on the page.
type notice string

const (
	noticeResent  notice = "resent"
	noticeEarly   notice = "early"
	noticeWaiting notice = "waiting"
	noticeLate    notice = "late"
)

// notices is every notice and its sentence.
func notices() map[notice]string {
	return map[notice]string{
		noticeResent:  "We have sent another one.",
		noticeEarly:   "One left only a moment ago, so we have not sent another yet.",
		noticeWaiting: "The link in the mail has not been opened yet.",
		noticeLate:    "Your device waits no more: this took too long, or was begun elsewhere. Begin there again, and type in the new code.",
	}
}
