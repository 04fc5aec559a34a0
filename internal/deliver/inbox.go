package deliver

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// inboxSize is how many messages an [Inbox] keeps.
const inboxSize = 500

// Inbox is the sender for development: it keeps the newest 500 messages in memory
// instead of sending them.
type Inbox struct {
	links *regexp.Regexp

	mu    sync.Mutex
	mails []Caught // oldest first
}

// Caught is a message in an [Inbox]. A text message has no HTML.
type Caught struct {
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	Links   []string  `json:"links"` // every http(s) address in Text, in order
	Codes   []string  `json:"codes"` // every number of six digits that stands alone in Text, in order
	At      time.Time `json:"at"`
	key     string    // To, folded
}

// NewInbox returns an empty inbox.
func NewInbox() *Inbox {
	return &Inbox{links: regexp.MustCompile(`https?://[^\s<>"]+`)}
}

// Send keeps the mail. It refuses the headers that [SMTP] refuses.
func (b *Inbox) Send(_ context.Context, m Mail) error {
	if err := m.check(); err != nil {
		return err
	}
	b.keep(Caught{To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML})
	return nil
}

// SendText keeps the text message.
func (b *Inbox) SendText(_ context.Context, t Text) error {
	b.keep(Caught{To: t.To, Subject: "Text message", Text: t.Text})
	return nil
}

// keep fills in what follows from the rest.
func (b *Inbox) keep(caught Caught) {
	caught.Links, caught.Codes, caught.At, caught.key = b.linksIn(caught.Text), b.codesIn(caught.Text), time.Now().UTC(), core.Fold(caught.To)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, caught)
	if over := len(b.mails) - inboxSize; over > 0 {
		b.mails = slices.Delete(b.mails, 0, over)
	}
}

// List returns the mails to an address, or all of them if it is empty, newest
// first. The list is never nil.
func (b *Inbox) List(to string) []Caught {
	key := core.Fold(to)
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Caught, 0, len(b.mails))
	for _, caught := range slices.Backward(b.mails) {
		if to == "" || caught.key == key {
			caught.Links, caught.Codes = slices.Clone(caught.Links), slices.Clone(caught.Codes)
			list = append(list, caught)
		}
	}
	return list
}

// linksIn leaves out the punctuation of the sentence around a link.
func (b *Inbox) linksIn(text string) []string {
	links := []string{}
	for _, link := range b.links.FindAllString(text, -1) {
		links = append(links, strings.TrimRight(link, ".,;:!?)]}'"))
	}
	return links
}

func (b *Inbox) codesIn(text string) []string {
	codes := []string{}
	// Six digits in a link are no code.
	for _, word := range strings.FieldsFunc(b.links.ReplaceAllString(text, " "), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_'
	}) {
		if len(word) == 6 && strings.Trim(word, "0123456789") == "" {
			codes = append(codes, word)
		}
	}
	return codes
}
