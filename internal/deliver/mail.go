package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	netmail "net/mail"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Mail is one mail, ready to be sent.
type Mail struct {
	ID          core.MessageID
	FromName    string
	FromAddress string
	To          string
	Subject     string
	Text        string
	HTML        string // may be empty
}

// Sender hands mails over to whatever brings them further. It is safe for use
// by many goroutines.
type Sender interface {
	// Send returns nil once the mail is accepted, an error that wraps
	// [ErrRefused] if it never will be, and any other error if it may be
	// later. No error holds the mail's words. Send returns soon after ctx ends.
	Send(ctx context.Context, m Mail) error
}

// ErrRefused is wrapped by the error for a message that will never be accepted.
var ErrRefused = errors.New("the message is refused for good")

// mailShare is how many mails of one pool are sent at a time, and mailParallel
// how many of all.
const (
	mailShare    = 8
	mailParallel = 16
)

// mails is the line of mails.
type mails struct {
	store  *store.Store
	sender Sender // of pools that have no mail server of their own; nil: theirs wait
	o      Options
}

func (l mails) kind() kind {
	k := kind{channel: core.ChannelMail, noun: "a mail", span: "mail", sent: core.EventMailSent, dropped: core.EventMailDropped, share: mailShare}
	if l.sender == nil {
		k.only = core.SecretMailServer // other servers may have a sender for the others
	}
	return k
}

func (l mails) prepare(ctx context.Context, o store.Outgoing, pool core.Pool) (func(context.Context) error, error) {
	s := pool.Settings
	words, err := compose(o, pool)
	if err != nil {
		return nil, err
	}
	mail := Mail{
		ID:          o.ID,
		FromName:    cmp.Or(s.MailFromName, s.DisplayName, l.o.FromName, pool.Name),
		FromAddress: cmp.Or(s.MailFromAddress, l.o.FromAddress),
		To:          o.To,
		Subject:     words.Subject,
		Text:        words.Text,
		HTML:        words.HTML,
	}
	sender, err := l.of(ctx, pool.ID)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return sender.Send(ctx, mail) }, nil
}

// of returns what a pool's mails leave by.
func (l mails) of(ctx context.Context, pool core.PoolID) (Sender, error) {
	address, err := givenSecret(ctx, l.store, pool, core.SecretMailServer)
	if err != nil {
		return nil, err
	}
	if address != "" {
		own, err := NewSMTP(address)
		if err != nil {
			return nil, err
		}
		own.connect = l.o.Dial
		return own, nil
	}
	if l.sender == nil {
		return nil, fmt.Errorf("%w: neither the server nor the pool has a mail server (mail.smtp)", errNoSender)
	}
	return l.sender, nil
}

// compose fills in the words of a message of either channel.
func compose(o store.Outgoing, pool core.Pool) (rendered, error) {
	values := map[string]string{"email": o.To}
	maps.Copy(values, o.Values)
	values["app"] = cmp.Or(pool.Settings.DisplayName, pool.Name)
	if channel, _ := channelOf(o.Template); channel != o.Channel {
		return rendered{}, dropped{DropUnknownTemplate, errUnknownTemplate}
	}
	words, err := render(o.Template, pool.Settings.MailTemplates[o.Template], values)
	switch {
	case errors.Is(err, errUnknownTemplate):
		return rendered{}, dropped{DropUnknownTemplate, err}
	case err != nil:
		return rendered{}, dropped{DropUnrenderable, err}
	}
	return words, nil
}

// check refuses a mail whose headers could be read as more than they are:
// line breaks and NUL in any of them, and addresses that are more than one
// plain address.
func (m Mail) check() error {
	for _, header := range []struct{ name, value string }{
		{"id", string(m.ID)}, {"sender's name", m.FromName}, {"sender's address", m.FromAddress}, {"recipient's address", m.To}, {"subject", m.Subject},
	} {
		if strings.ContainsAny(header.value, "\r\n\x00") {
			return fmt.Errorf("%w: its %s has a line break", ErrRefused, header.name)
		}
	}
	if !isAddress(m.FromAddress) {
		return fmt.Errorf("%w: the sender's address is not one", ErrRefused)
	}
	if !isAddress(m.To) {
		return fmt.Errorf("%w: the recipient's address is not one", ErrRefused)
	}
	return nil
}

// isAddress reports whether s is a bare address by RFC 5322, spelt as it is
// meant: no display name, no comment, no quotes.
func isAddress(s string) bool {
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}
