package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/outbound"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

const (
	// textTimeout is how long handing over one text message may take, from the
	// first byte to the last.
	textTimeout = 10 * time.Second
	// answerMost is how much of an answer is read.
	answerMost = 64 << 10
	// textMost is how long a text message may be, in characters: ten parts of
	// those that the network splits it into.
	textMost = 1530
	// textShare is how many messages of one pool are sent at a time, and
	// textParallel how many of all.
	textShare    = 4
	textParallel = 16
)

// Text is one text message, ready to be sent.
type Text struct {
	ID        core.MessageID
	Template  string
	From      string // as the pool has it; may be empty for a webhook
	To        string // E.164
	Text      string
	ExpiresAt time.Time
}

// TextSender hands text messages over to whatever brings them further.
type TextSender interface {
	// SendText returns as [Sender.Send] does.
	SendText(ctx context.Context, t Text) error
}

// TextOptions say where a worker for text messages sends them.
type TextOptions struct {
	Options
	// Inbox catches the messages of pools that have no sender. Nil: they wait.
	Inbox *Inbox
	// TwilioURL is where Twilio's API is, without a slash at its end. Empty: at
	// its own address.
	TwilioURL string
	// Outbound calls the webhooks that pools name. Nil: public ones only.
	Outbound *http.Client
}

// NewTextWorker returns a worker for text messages, which does nothing until
// [Worker.Run]. Which sender a message leaves by is a setting of its pool.
func NewTextWorker(st *store.Store, o TextOptions) *Worker {
	if o.Parallel <= 0 {
		o.Parallel = textParallel
	}
	if o.Outbound == nil {
		o.Outbound = outbound.New(outbound.Allowed{})
	}
	return newWorker(st, &texts{store: st, o: o, client: newClient()}, o.Options)
}

// newClient makes the client for all that leaves over HTTP. It follows no
// redirect: what is sent is meant for one address, and holds secrets.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       textTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: textShare, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: answerMost, ForceAttemptHTTP2: true},
	}
}

// texts is the line of text messages.
type texts struct {
	store  *store.Store
	o      TextOptions
	client *http.Client
}

func (*texts) kind() kind {
	return kind{channel: core.ChannelText, noun: "a text message", span: "sms", sent: core.EventTextSent, dropped: core.EventTextDropped, share: textShare, alone: true}
}

func (l *texts) prepare(ctx context.Context, o store.Outgoing, pool core.Pool) (func(context.Context) error, error) {
	words, err := compose(o, pool)
	if err != nil {
		return nil, err
	}
	text := Text{ID: o.ID, Template: o.Template, From: pool.Settings.SMSFrom, To: o.To, Text: words.Text, ExpiresAt: o.ExpiresAt}
	if err := text.check(); err != nil {
		return nil, dropped{DropRefused, err}
	}
	sender, err := l.sender(ctx, pool)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return sender.SendText(ctx, text) }, nil
}

// check refuses what no sender could bring anywhere.
func (t Text) check() error {
	if number, ok := core.ParsePhone(t.To); !ok || number != t.To {
		return fmt.Errorf("%w: the recipient's number is not one", ErrRefused)
	}
	if n := utf8.RuneCountInString(t.Text); n == 0 || n > textMost {
		return fmt.Errorf("%w: it has %d characters, and may have %d", ErrRefused, n, textMost)
	}
	return nil
}

// errNoTexter is returned while a pool does not say by what its text messages
// leave, or lacks the secret for it.
var errNoTexter = fmt.Errorf("%w: see sms.sender and `gatehouse pool secret`", errNoSender)

// sender returns the pool's.
func (l *texts) sender(ctx context.Context, pool core.Pool) (TextSender, error) {
	s := pool.Settings
	switch s.SMSSender {
	case core.SenderTwilio:
		token, err := l.secret(ctx, pool.ID, core.SecretTwilioToken)
		if err != nil {
			return nil, err
		}
		return &Twilio{client: l.client, base: l.o.TwilioURL, account: s.SMSTwilioAccount, token: func() secret.Text { return token }}, nil
	case core.SenderWebhook:
		key, err := l.secret(ctx, pool.ID, core.SecretWebhook)
		if err != nil {
			return nil, err
		}
		return &Webhook{client: l.o.Outbound, url: s.SMSWebhookURL, key: func() secret.Text { return key }, now: l.store.Clock, pool: pool.Name}, nil
	}
	if l.o.Inbox != nil {
		return l.o.Inbox, nil
	}
	return nil, errNoTexter
}

// secret opens a secret that was given to the pool.
func (l *texts) secret(ctx context.Context, pool core.PoolID, name core.SecretName) (secret.Text, error) {
	found, err := givenSecret(ctx, l.store, pool, name)
	if err == nil && found == "" {
		return "", errNoTexter
	}
	return found, err
}

// post sends a request and returns the status and the beginning of the answer.
// No error of it holds what was sent.
func post(client *http.Client, request *http.Request) (status int, answer []byte, err error) {
	response, err := client.Do(request)
	if err != nil {
		if fault, ok := errors.AsType[*url.Error](err); ok {
			err = fault.Err // without the address, which may hold a secret of the operator's
		}
		return 0, nil, fmt.Errorf("cannot reach it: %w", err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, answerMost))
	if err != nil {
		// The status says what became of the message.
		answer = nil
	}
	return response.StatusCode, answer, nil
}

// verdict says what a status means for a message: nil that it is taken, an
// error that wraps [ErrRefused] that it never will be. What is about ourselves,
// such as a wrong password, may be put right, and the message is as good as
// before then.
func verdict(who string, status int, more string) error {
	if more != "" {
		more = " (" + more + ")"
	}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests:
		return fmt.Errorf("%s answered %d%s", who, status, more)
	case status >= 400 && status < 500:
		return fmt.Errorf("%w: %s answered %d%s", ErrRefused, who, status, more)
	}
	return fmt.Errorf("%s answered %d%s", who, status, more)
}
