package deliver

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// Webhook is the sender that hands text messages to a program of the
// operator's. Requests are signed as the "standard webhooks" specification
// says, for which there are libraries in many languages: the header
// webhook-signature is "v1," and the base64 of HMAC-SHA256 over
// webhook-id, webhook-timestamp (in seconds since 1970) and the body, joined by
// dots. A message that comes twice has the same webhook-id.
type Webhook struct {
	client *http.Client
	url    string
	pool   string
	key    func() secret.Text // a function, because fmt prints unexported fields as they are
	now    func() time.Time
}

// webhookText is the body of such a request.
type webhookText struct {
	Type      string         `json:"type"`
	Timestamp string         `json:"timestamp"` // RFC 3339, as is expires_at
	Data      webhookMessage `json:"data"`
}

type webhookMessage struct {
	ID        core.MessageID `json:"id"`
	Pool      string         `json:"pool"` // its name
	Template  string         `json:"template"`
	From      string         `json:"from,omitempty"`
	To        string         `json:"to"`
	Text      string         `json:"text"`
	ExpiresAt string         `json:"expires_at"` // after this it is of no use
}

// SendText posts the message. Any status of 2xx takes it.
func (s *Webhook) SendText(ctx context.Context, t Text) error {
	now := s.now()
	body, err := json.Marshal(webhookText{
		Type: "sms.send", Timestamp: now.UTC().Format(time.RFC3339),
		Data: webhookMessage{t.ID, s.pool, t.Template, t.From, t.To, t.Text, t.ExpiresAt.UTC().Format(time.RFC3339)},
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	at := strconv.FormatInt(now.Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Webhook-Id", string(t.ID))
	request.Header.Set("Webhook-Timestamp", at)
	request.Header.Set("Webhook-Signature", "v1,"+sign(s.key(), string(t.ID)+"."+at+"."+string(body)))
	status, _, err := post(s.client, request)
	if err != nil {
		return err
	}
	return verdict("the webhook", status, "")
}

// sign is the signature of what is sent.
func sign(key secret.Text, content string) string {
	raw, ok := core.WebhookKey(key.Reveal())
	if !ok {
		raw = []byte(key.Reveal()) // it was checked when it was given
	}
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte(content))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
