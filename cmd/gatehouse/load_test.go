package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is people who come and tokens that are asked for, as fast as that goes,
// and what is remembered of the answers.
type load struct {
	*killed
	holders []*session
	stop    atomic.Bool
	running sync.WaitGroup

	checks, writes, entries atomic.Int64 // that succeeded
	mu                      sync.Mutex
	unanswered              map[string]int // sign-ins of which nothing is known
	signed                  map[string]int // sign-ins that were acknowledged
	refused                 map[int]int    // by status
	wrong                   []string       // what nobody should be answered
	began                   time.Time
	outage                  func() bool // whether an answer may be "not now"
}

// newLoad signs up whose tokens are asked for.
func newLoad(t *testing.T, k *killed) *load {
	t.Helper()
	l := &load{killed: k, unanswered: map[string]int{}, signed: map[string]int{}, refused: map[int]int{}, outage: func() bool { return false }}
	person := func(name string, i int) *session {
		s := k.signs(t, fmt.Sprintf("%s%d@example.org", name, i))
		must(t, k.url, k.token, "/v2/user/profile/update", map[string]any{"email": s.user, "profile": map[string]string{"first_name": s.user, "last_name": "User"}})
		return s
	}
	for i := range 8 {
		l.holders = append(l.holders, person("holder", i))
	}
	for i := range 4 {
		person("comer", i)
	}
	// Until nobody hears any more of what would drop what they remember.
	time.Sleep(promised)
	return l
}

// begin starts the load: clients who ask for tokens, who create people, and who
// sign in.
func (l *load) begin(checkers, writers int) {
	l.began = time.Now()
	for i := range checkers {
		l.running.Go(func() { l.each(5*time.Millisecond, func(n int) { l.check(l.holders[(i+n)%len(l.holders)]) }) })
	}
	for range writers {
		l.running.Go(func() { l.each(2*time.Millisecond, func(int) { l.create() }) })
	}
	for i := range 4 {
		l.running.Go(func() { l.each(10*time.Millisecond, func(int) { l.signIn(fmt.Sprintf("comer%d@example.org", i)) }) })
	}
}

// each does something again and again.
func (l *load) each(pause time.Duration, do func(n int)) {
	for n := 0; !l.stop.Load(); n++ {
		do(n)
		time.Sleep(pause)
	}
}

// end stops the load.
func (l *load) end() {
	l.stop.Store(true)
	l.running.Wait()
}

// check asks for a token that the servers remember.
func (l *load) check(s *session) {
	got, err := ask(l.url, l.token, "/v2/client/token/check", map[string]any{"token": s.last().Access.Token})
	if l.note("a token that is in use", got, err) {
		l.checks.Add(1)
	}
}

// create makes somebody, and keeps whom a server acknowledged.
func (l *load) create() {
	email := fmt.Sprintf("user%d@example.org", l.next.Add(1))
	got, err := ask(l.url, l.token, "/v2/user/create", map[string]any{"email": email, "profile": map[string]string{"first_name": email, "last_name": "User"}})
	if l.note("a new person", got, err) {
		l.writes.Add(1)
		l.killed.mu.Lock()
		defer l.killed.mu.Unlock()
		l.acknowledged = append(l.acknowledged, email)
	}
}

// signIn signs somebody in. Of a last step that was not answered nobody knows
// whether it happened.
func (l *load) signIn(email string) {
	got, err := ask(l.url, l.token, "/v2/flow/start", map[string]any{"email": email})
	if !l.note("a flow", got, err) {
		return
	}
	var flow struct {
		ID string `json:"flow_id"`
	}
	if json.Unmarshal(got.result, &flow) != nil {
		panic("a flow without an id: " + got.text)
	}
	got, err = ask(l.url, l.token, "/v2/flow/update", map[string]any{"flow_id": flow.ID, "choice": "password", "data": map[string]any{"password": password}})
	if !l.note("a password", got, err) {
		return
	}
	got, err = ask(l.url, l.token, "/v2/flow/complete", map[string]any{"flow_id": flow.ID})
	if !l.note("a completed flow", got, err) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unanswered[email]++
		return
	}
	l.entries.Add(1)
	l.mu.Lock()
	l.signed[email]++
	l.mu.Unlock()
	var tokens pair
	if json.Unmarshal(got.result, &tokens) != nil {
		panic("a completed flow without tokens: " + got.text)
	}
	got, err = ask(l.url, l.token, "/v2/client/session/refresh", map[string]any{"refresh_token": tokens.Refresh.Token})
	if !l.note("a refresh", got, err) {
		return
	}
	if json.Unmarshal(got.result, &tokens) != nil {
		panic("a refresh without tokens: " + got.text)
	}
	got, err = ask(l.url, l.token, "/v2/client/session/logout", map[string]any{"token": tokens.Access.Token})
	l.note("a logout", got, err)
}

// note keeps an answer that is no success, and says whether it is one. Where
// something is out of order it may be "not now", with when to come back.
func (l *load) note(what string, got reply, err error) bool {
	if err == nil && got.status == "Success" {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[got.code]++
	if err == nil && got.code == http.StatusServiceUnavailable && got.retry != "" && l.outage() {
		return false
	}
	if got.code == http.StatusBadGateway && l.outage() {
		return false // the balancer counts these by server
	}
	if len(l.wrong) < 10 {
		l.wrong = append(l.wrong, fmt.Sprintf("after %v %s is answered %d %.300s (%v)", time.Since(l.began).Round(time.Millisecond), what, got.code, got.text, err))
	}
	return false
}

// report says what was answered wrongly.
func (l *load) report(t *testing.T, law string) {
	t.Helper()
	for _, wrong := range l.wrong {
		t.Errorf("law: %s; %s", law, wrong)
	}
	if l.checks.Load() == 0 {
		t.Error("no token was asked for")
	}
}

// counted compares how often people came with what was acknowledged.
func (l *load) counted(t *testing.T) {
	t.Helper()
	for email, signed := range l.signed {
		var person struct {
			Count int `json:"login_count"`
		}
		got := must(t, l.url, l.token, "/v2/user/profile/get", map[string]any{"email": email})
		if err := json.Unmarshal(got.result, &person); err != nil {
			t.Fatal(err)
		}
		came := person.Count - 1 // not by signing up
		if came < signed || came > signed+l.unanswered[email] {
			t.Errorf("law: nothing acknowledged is lost and nothing happens twice; %s came %d times, of which %d were acknowledged and %d not answered", email, came, signed, l.unanswered[email])
		}
	}
}

// reach waits for something that happens by itself.
func reach(t *testing.T, law string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("law: %s; after 30 seconds it did not", law)
		}
	}
}
