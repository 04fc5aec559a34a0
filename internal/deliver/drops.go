package deliver

// DropReason says why a mail was given up; it is the reason of the event
// mail.dropped.
type DropReason string

// The reasons.
const (
	DropExpired         DropReason = "expired"
	DropGaveUp          DropReason = "gave_up"
	DropRefused         DropReason = "refused"
	DropUnknownTemplate DropReason = "unknown_template"
	DropUnrenderable    DropReason = "unrenderable"
	DropUnreadable      DropReason = "unreadable"
	DropNoPool          DropReason = "no_pool"
)

// DropMeaning is a line of the catalogue of reasons.
type DropMeaning struct {
	Reason  DropReason
	Meaning string
}

// DropReasons is the catalogue of reasons with their meanings.
func DropReasons() []DropMeaning {
	return []DropMeaning{
		{DropExpired, "The time in which the mail is of use was over before it could be sent."},
		{DropGaveUp, "The mail was tried until the time in which it is of use was over."},
		{DropRefused, "The mail server refused the mail for good, or a header of it could not be sent."},
		{DropUnknownTemplate, "There is no mail of this name."},
		{DropUnrenderable, "The mail needs a value that it was not given."},
		{DropUnreadable, "The stored mail cannot be opened."},
		{DropNoPool, "The pool of the mail is gone."},
	}
}

// dropped is a failure that no further try can mend.
type dropped struct {
	reason DropReason
	cause  error
}

// Error gives the reason and its cause.
func (d dropped) Error() string { return string(d.reason) + ": " + d.cause.Error() }

// Unwrap gives the cause to errors.Is and errors.As.
func (d dropped) Unwrap() error { return d.cause }
