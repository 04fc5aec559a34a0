package deliver

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// twilioURL is where Twilio's API is.
const twilioURL = "https://api.twilio.com"

// Twilio is the sender for Twilio's API of messages, version 2010-04-01.
type Twilio struct {
	client  *http.Client
	base    string // empty: twilioURL
	account string
	token   func() secret.Text // a function, because fmt prints unexported fields as they are
}

// SendText creates the message at Twilio. Of an answer the status and Twilio's
// number for what is wrong are told; its words may quote the message.
func (s *Twilio) SendText(ctx context.Context, t Text) error {
	form := url.Values{"To": {t.To}, "Body": {t.Text}}
	if strings.HasPrefix(t.From, "MG") && len(t.From) == 34 {
		form.Set("MessagingServiceSid", t.From)
	} else {
		form.Set("From", t.From)
	}
	// For so many seconds it may wait at Twilio: a code that comes later is good
	// for nothing. The API takes 1 to 36000.
	if left := int(time.Until(t.ExpiresAt).Seconds()); left < 36000 {
		form.Set("ValidityPeriod", strconv.Itoa(max(1, left)))
	}
	address := cmp.Or(s.base, twilioURL) + "/2010-04-01/Accounts/" + url.PathEscape(s.account) + "/Messages.json"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.SetBasicAuth(s.account, s.token().Reveal())
	status, body, err := post(s.client, request)
	if err != nil {
		return err
	}
	var answer struct {
		Code int `json:"code"`
	}
	more := ""
	if json.Unmarshal(body, &answer) == nil && answer.Code != 0 {
		more = "error " + strconv.Itoa(answer.Code)
	}
	return verdict("Twilio", status, more)
}
