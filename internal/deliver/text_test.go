package deliver_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

const (
	account = "AC0123456789abcdef0123456789abcdef"
	token   = "CANARY-token-of-twilio"
	number  = "+18085550173"
)

// standIn is Twilio, or a webhook, as far as a sender of messages meets it. It
// answers what a script says, and then that all is well.
type standIn struct {
	*httptest.Server

	mu     sync.Mutex
	seen   []seen
	script []func(w http.ResponseWriter, r *http.Request)
}

type seen struct {
	r    *http.Request
	body string
	at   time.Time
}

func newStandIn(t *testing.T, script ...func(w http.ResponseWriter, r *http.Request)) *standIn {
	t.Helper()
	s := &standIn{script: script}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.seen = append(s.seen, seen{r, string(body), time.Now()})
		answer := answers(201, `{"sid":"SM0","status":"queued","error_code":null}`)
		if n := len(s.seen); n <= len(s.script) {
			answer = s.script[n-1]
		}
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func answers(status int, body string) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// texting makes a pool whose text messages leave by a sender.
func texting(t *testing.T, st *store.Store, name string, values map[string]any, secrets map[core.SecretName]string) core.PoolID {
	t.Helper()
	overrides := core.Overrides{}
	for key, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		overrides[key] = raw
	}
	id := storetest.Pool(t, st, name, overrides)
	give(t, st, id, secrets)
	return id
}

func give(t *testing.T, st *store.Store, id core.PoolID, secrets map[core.SecretName]string) {
	t.Helper()
	err := st.As(storetest.Caller(id)).Update(t.Context(), func(tx *store.Tx) error {
		for name, value := range secrets {
			if err := tx.PutPoolSecret(store.PoolSecret{Name: string(name), Plain: []byte(value)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func byTwilio(from string) map[string]any {
	return map[string]any{"sms.sender": "twilio", "sms.twilio_account": account, "sms.from": from}
}

func twilioToken() map[core.SecretName]string {
	return map[core.SecretName]string{core.SecretTwilioToken: token}
}

// aText is a message that is good for five minutes.
func aText(to string) core.Message {
	return core.Message{
		ID: core.NewMessageID(), Channel: core.ChannelText, Template: "sms_code", To: to, ExpiresAt: time.Now().Add(5 * time.Minute),
		Values: map[string]string{"code": "493021", "minutes": "5"},
	}
}

// runTexts starts a worker for text messages; the log is what it returns.
func runTexts(t *testing.T, st *store.Store, o deliver.TextOptions) *lockedBuffer {
	t.Helper()
	log := new(lockedBuffer)
	if o.Outbound == nil {
		o.Outbound = here(t)
	}
	o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		deliver.NewTextWorker(st, o).Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		for _, secret := range []string{"CANARY", "493021", strings.TrimPrefix(number, "+")} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("law: the log holds no secret, code or number; it has %s in\n%s", secret, log)
			}
		}
	})
	return log
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// textEnds tells how many messages of a pool wait, and how the others ended.
func textEnds(t *testing.T, st *store.Store, pool core.PoolID) (waiting int64, ends []string) {
	t.Helper()
	err := st.As(storetest.Caller(pool)).View(t.Context(), func(tx *store.Tx) error {
		var err error
		if waiting, err = tx.Waiting(); err != nil {
			return err
		}
		all, err := tx.Events(10_000)
		for _, e := range slices.Backward(all) {
			switch e.Name {
			case core.EventTextSent:
				ends = append(ends, "sent")
			case core.EventTextDropped:
				ends = append(ends, e.Reason)
			case core.EventMailQueued, core.EventMailSent, core.EventMailDropped:
				t.Errorf("law: a text message is no mail; there is the event %+v", e)
			}
			if text := fmt.Sprint(e); strings.Contains(text, "CANARY") || strings.Contains(text, "493021") || strings.Contains(text, "8085550173") {
				t.Errorf("the event holds a number or a word of the message: %s", text)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return waiting, ends
}

// The request is the one that Twilio documents for creating a message.
func TestTwilioIsSpokenToAsItDocuments(t *testing.T) {
	for from, field := range map[string]string{"+15005550006": "From", "Acme": "From", "MG0123456789abcdef0123456789abcdef": "MessagingServiceSid"} {
		st := storetest.New(t)
		twilio := newStandIn(t)
		values := byTwilio(from)
		values["display_name"] = "Ham & Eggs"
		pool := texting(t, st, "demo", values, twilioToken())
		queue(t, st, pool, aText(number))
		runTexts(t, st, deliver.TextOptions{TwilioURL: twilio.URL})
		eventually(t, func() bool { waiting, _ := textEnds(t, st, pool); return waiting == 0 })
		if _, ends := textEnds(t, st, pool); !slices.Equal(ends, []string{"sent"}) {
			t.Errorf("it ended %v", ends)
		}
		all := twilio.requests()
		if len(all) != 1 {
			t.Fatalf("there were %d requests", len(all))
		}
		r := all[0].r
		user, password, ok := r.BasicAuth()
		if r.Method != http.MethodPost || r.URL.RequestURI() != "/2010-04-01/Accounts/"+account+"/Messages.json" || !ok || user != account || password != token {
			t.Errorf("%s %s by %s:%s", r.Method, r.URL.RequestURI(), user, password)
		}
		form, err := url.ParseQuery(all[0].body)
		if err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Fatalf("the body is %q as %s (%v)", all[0].body, r.Header.Get("Content-Type"), err)
		}
		validity, err := strconv.Atoi(form.Get("ValidityPeriod"))
		if err != nil || validity < 240 || validity > 300 {
			t.Errorf("law: a code waits at Twilio no longer than it is good; it may for %q seconds", form.Get("ValidityPeriod"))
		}
		form.Del("ValidityPeriod")
		want := url.Values{"To": {number}, field: {from}, "Body": {"493021 is your code for Ham & Eggs. It works for 5 minutes, once. Never give it to anybody."}}
		if !maps.EqualFunc(form, want, slices.Equal) {
			t.Errorf("the form is %v, want %v", form, want)
		}
	}
}

// What Twilio answers decides what becomes of a message: it is taken, it is
// refused for good, or it is tried again and lost in no case.
func TestWhatTwilioAnswers(t *testing.T) {
	elsewhere := newStandIn(t)
	cut := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			err = conn.Close()
		}
		if err != nil {
			t.Error(err)
		}
	}
	again := map[string]func(w http.ResponseWriter, r *http.Request){
		"401": answers(401, `{"code":20003,"message":"Authenticate"}`), "403": answers(403, `{}`), "408": answers(408, ``), "429": answers(429, `{"code":20429,"message":"Too Many Requests"}`),
		"500": answers(500, `oops `+number), "502": answers(502, `<html>`), "503": answers(503, ``), "the line is cut": cut,
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/else", http.StatusTemporaryRedirect)
		},
	}
	refused := map[string]func(w http.ResponseWriter, r *http.Request){
		"no number": answers(400, `{"code":21211,"message":"Invalid 'To' Phone Number: `+number+`"}`), "who wants none": answers(400, `{"code":21610}`), "no account": answers(404, `{"code":20404}`), "400 of anybody": answers(400, `<html>`),
	}
	st := storetest.New(t)
	type one struct {
		twilio *standIn
		pool   core.PoolID
		want   string
		tries  int
	}
	cases := map[string]one{}
	front := map[string]*standIn{}
	router := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		front[user].Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(router.Close)
	add := func(name string, answer func(w http.ResponseWriter, r *http.Request), want string, tries int) {
		twilio := newStandIn(t, answer)
		values := byTwilio("+15005550006")
		values["sms.twilio_account"] = fmt.Sprintf("AC%032x", len(cases))
		front[fmt.Sprint(values["sms.twilio_account"])] = twilio
		pool := texting(t, st, fmt.Sprintf("pool-%d", len(cases)), values, twilioToken())
		cases[name] = one{twilio, pool, want, tries}
		queue(t, st, pool, aText(number))
	}
	for name, answer := range again {
		add(name, answer, "sent", 2)
	}
	for name, answer := range refused {
		add(name, answer, "refused", 1)
	}
	add("all is well", answers(200, ``), "sent", 1)
	log := runTexts(t, st, deliver.TextOptions{TwilioURL: router.URL})
	for name, c := range cases {
		eventually(t, func() bool { waiting, _ := textEnds(t, st, c.pool); return waiting == 0 })
		if _, ends := textEnds(t, st, c.pool); !slices.Equal(ends, []string{c.want}) || len(c.twilio.requests()) != c.tries {
			t.Errorf("law: %s after %d tries; %q ended %v after %d", c.want, c.tries, name, ends, len(c.twilio.requests()))
		}
	}
	if n := len(elsewhere.requests()); n != 0 {
		t.Errorf("law: no redirect is followed; %d were", n)
	}
	for _, told := range []string{"answered 401 (error 20003)", "answered 400 (error 21211)", "answered 503"} {
		if !strings.Contains(log.String(), told) {
			t.Errorf("the log does not say %q:\n%s", told, log)
		}
	}
}

// A webhook that does not answer holds up the messages of its own pool alone, and
// loses none of them: what it may have had comes again under the same id.
func TestR9WebhookThatIsDown(t *testing.T) {
	st := storetest.New(t)
	release := make(chan struct{})
	var script []func(w http.ResponseWriter, r *http.Request)
	for range 4 {
		script = append(script, func(w http.ResponseWriter, r *http.Request) {
			<-release // takes the message and says nothing
			answers(503, ``)(w, r)
		})
	}
	hook := newStandIn(t, script...)
	key := map[core.SecretName]string{core.SecretWebhook: webhookSecret}
	down := texting(t, st, "down", map[string]any{"sms.sender": "webhook", "sms.webhook_url": hook.URL}, key)
	var waiting []core.Message
	for i := range 30 {
		waiting = append(waiting, aText(fmt.Sprintf("+1808555%04d", 100+i)))
	}
	queue(t, st, down, waiting...)
	twilio := newStandIn(t)
	well := texting(t, st, "well", byTwilio("+15005550006"), twilioToken())
	runTexts(t, st, deliver.TextOptions{TwilioURL: twilio.URL})
	eventually(t, func() bool { return len(hook.requests()) >= 4 })
	// While the other sender keeps its requests, these leave.
	for range 20 {
		queue(t, st, well, aText(number))
	}
	eventually(t, func() bool { waiting, _ := textEnds(t, st, well); return waiting == 0 })
	if n, _ := textEnds(t, st, down); n != 30 {
		t.Errorf("law: what was not handed over is in line; %d of 30 are", n)
	}
	if n := len(hook.requests()); n != 4 {
		t.Errorf("law: a sender that does not answer gets no more; it had %d requests", n)
	}
	close(release)
	eventually(t, func() bool { waiting, _ := textEnds(t, st, down); return waiting == 0 })
	_, ends := textEnds(t, st, down)
	if len(ends) != 30 || slices.ContainsFunc(ends, func(end string) bool { return end != "sent" }) {
		t.Errorf("law: a sender that comes back gets every message; they ended %v", ends)
	}
	seen := map[string]int{}
	for _, one := range hook.requests() {
		seen[one.r.Header.Get("webhook-id")]++
	}
	again := 0
	for _, m := range waiting {
		if seen[string(m.ID)] > 1 {
			again++
		}
		if seen[string(m.ID)] == 0 {
			t.Errorf("law: every message comes under its id; %s did not", m.ID)
		}
	}
	if len(seen) != 30 || again != 4 {
		t.Errorf("law: what was taken without an answer comes again, under the same id; %d of 4 did, of %d ids", again, len(seen))
	}
}

// webhookSecret is whsec_ and 24 bytes, which say CANARY in the open.
const webhookSecret = "whsec_Q0FOQVJZLWtleS1vZi10aGUtd2ViaG9vaw=="

// A webhook is signed as the specification says, computed here a second time
// from its words.
func TestWebhooksAreSigned(t *testing.T) {
	st := storetest.New(t)
	hook := newStandIn(t, answers(500, ``), answers(204, ``))
	pool := texting(t, st, "demo", map[string]any{"sms.sender": "webhook", "sms.webhook_url": hook.URL + "/texts?a=b", "display_name": "Acme", "sms.from": "Acme",
		"mail.templates": map[string]any{"sms_code": map[string]string{"text": "{{app}}:\n{{code}}"}}},
		map[core.SecretName]string{core.SecretWebhook: webhookSecret})
	m := aText(number)
	queue(t, st, pool, m)
	runTexts(t, st, deliver.TextOptions{})
	eventually(t, func() bool { waiting, _ := textEnds(t, st, pool); return waiting == 0 })
	all := hook.requests()
	if len(all) != 2 {
		t.Fatalf("there were %d requests", len(all))
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(webhookSecret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		h := one.r.Header
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), one.body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); h.Get("webhook-signature") != want {
			t.Errorf("the signature is %q, want %q", h.Get("webhook-signature"), want)
		}
		at, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
		if err != nil || one.at.Sub(time.Unix(at, 0)).Abs() > time.Minute {
			t.Errorf("the time is %q (%v)", h.Get("webhook-timestamp"), err)
		}
		if h.Get("webhook-id") != string(m.ID) || h.Get("Content-Type") != "application/json" || one.r.Method != http.MethodPost || one.r.URL.RequestURI() != "/texts?a=b" {
			t.Errorf("%s %s with %v", one.r.Method, one.r.URL, h)
		}
		var body struct {
			Type string
			Data map[string]string
		}
		if err := json.Unmarshal([]byte(one.body), &body); err != nil {
			t.Fatal(err)
		}
		expires := body.Data["expires_at"]
		delete(body.Data, "expires_at")
		want := map[string]string{"id": string(m.ID), "pool": "demo", "template": "sms_code", "from": "Acme", "to": number, "text": "Acme:\n493021"}
		if body.Type != "sms.send" || !maps.Equal(body.Data, want) || expires != m.ExpiresAt.UTC().Format(time.RFC3339) {
			t.Errorf("the body is %s", one.body)
		}
	}
}

// Messages of a pool without a sender wait until there is one; in development
// they are caught. A mail in the meantime leaves as ever.
func TestTextsWithoutASender(t *testing.T) {
	st := storetest.New(t)
	twilio, inbox := newStandIn(t), deliver.NewInbox()
	pool := texting(t, st, "demo", byTwilio("+15005550006"), nil) // and no token
	queue(t, st, pool, aText(number), verify("ana@example.org"))
	log := runTexts(t, st, deliver.TextOptions{TwilioURL: twilio.URL})
	run(t, st, inbox, deliver.Options{})
	eventually(t, func() bool {
		return strings.Contains(log.String(), "nothing to send it by") && len(inbox.List("ana@example.org")) == 1
	})
	if waiting, _ := waitingOf(t, st, pool); waiting != 1 || len(twilio.requests()) != 0 {
		t.Errorf("law: a message waits for its sender; %d wait and %d left", waiting, len(twilio.requests()))
	}
	give(t, st, pool, twilioToken())
	eventually(t, func() bool { waiting, _ := waitingOf(t, st, pool); return waiting == 0 })
	if n := len(twilio.requests()); n != 1 {
		t.Errorf("it left %d times", n)
	}

	developing := storetest.New(t)
	none := texting(t, developing, "demo", nil, nil)
	queue(t, developing, none, aText(number))
	runTexts(t, developing, deliver.TextOptions{Inbox: inbox})
	eventually(t, func() bool { return len(inbox.List(number)) == 1 })
	if caught := inbox.List(number)[0]; !slices.Equal(caught.Codes, []string{"493021"}) || caught.HTML != "" {
		t.Errorf("the inbox has %+v", caught)
	}
}

// waitingOf counts what waits, without looking at the events.
func waitingOf(t *testing.T, st *store.Store, pool core.PoolID) (waiting int64, err error) {
	t.Helper()
	err = st.As(storetest.Caller(pool)).View(t.Context(), func(tx *store.Tx) (err error) { waiting, err = tx.Waiting(); return err })
	if err != nil {
		t.Error(err)
	}
	return waiting, err
}

// What can never be sent is given up, with its reason, and reaches no sender.
func TestHopelessTextsAreDropped(t *testing.T) {
	st := storetest.New(t)
	twilio := newStandIn(t)
	for name, c := range map[string]struct {
		change func(m *core.Message)
		want   deliver.DropReason
	}{
		"no-number": {func(m *core.Message) { m.To = "ana@example.org" }, deliver.DropRefused}, "premium": {func(m *core.Message) { m.To = "+449098790000" }, deliver.DropRefused},
		"of-mail": {func(m *core.Message) { m.Template = "email_code" }, deliver.DropUnknownTemplate}, "no-values": {func(m *core.Message) { m.Values = nil }, deliver.DropUnrenderable},
		"long": {func(m *core.Message) { m.Values["minutes"] = strings.Repeat("9", 1600) }, deliver.DropRefused}, "late": {func(m *core.Message) { m.ExpiresAt = time.Now().Add(-time.Second) }, deliver.DropExpired},
	} {
		t.Run(name, func(t *testing.T) {
			pool := texting(t, st, name, byTwilio("+15005550006"), twilioToken())
			m := aText(number)
			c.change(&m)
			queue(t, st, pool, m)
			runTexts(t, st, deliver.TextOptions{TwilioURL: twilio.URL})
			eventually(t, func() bool { waiting, _ := waitingOf(t, st, pool); return waiting == 0 })
			if _, ends := textEnds(t, st, pool); !slices.Equal(ends, []string{string(c.want)}) {
				t.Errorf("it ended %v, want %s", ends, c.want)
			}
		})
	}
	if n := len(twilio.requests()); n != 0 {
		t.Errorf("%d of them left", n)
	}
}
