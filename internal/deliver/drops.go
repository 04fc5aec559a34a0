package deliver

// DropReason says why a message was given up; it is the reason of the events
// mail.dropped, sms.dropped and logout.dropped.
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
	DropNoAddress       DropReason = "no_address"
)

// DropMeaning is a line of the catalogue of reasons.
type DropMeaning struct {
	Reason  DropReason
	Meaning string
}

// DropReasons is the catalogue of reasons with their meanings.
func DropReasons() []DropMeaning {
	return []DropMeaning{
		{DropExpired, "The time in which the message is of use was over before it could be sent."},
		{DropGaveUp, "The message was tried until the time in which it is of use was over."},
		{DropRefused, "The mail server, the sender of text messages, or the application that is told of a logout refused the message for good, or a part of it could not be sent."},
		{DropUnknownTemplate, "There is no message of this name."},
		{DropUnrenderable, "The message needs a value that it was not given."},
		{DropUnreadable, "The stored message cannot be opened."},
		{DropNoPool, "The pool of the message is gone."},
		{DropNoAddress, "The application that was to be told is gone, or wants to be told of logouts no more."},
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
