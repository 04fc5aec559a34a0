package core

import "time"

// Message is a mail on its way out.
type Message struct {
	ID        MessageID
	Template  string // the name of a file in deliver/templates
	To        string
	Values    map[string]string // what the template's words stand for
	ExpiresAt time.Time         // after this it is dropped instead of sent; zero: never
}
