package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestO15RevocationsOutliveAKill is abuse case O15: a server is killed while
// people sign in, go on and are signed out. Once it is back, what was revoked
// and acknowledged is refused, and the sessions that nobody ended go on.
func TestO15RevocationsOutliveAKill(t *testing.T) {
	kills, binary := number(t, "KILLS", 20), buildServer(t)
	storetest.Engines(t, func(t *testing.T, database string) {
		k := newKilled(t, binary, database)
		k.set(t, "signup.verify_email=false", "token.refresh_grace=0s", "budget.tries_per_minute=0", "budget.tries_per_hour=0", "budget.flows_per_minute=0")
		r := &revoked{killed: k, by: map[string]int{}}
		k.start(t)
		for i := range revokers {
			r.signUp(t, i)
		}
		k.kill(t)
		for range kills {
			from := len(r.sessions)
			r.round(t)
			k.start(t)
			r.audit(t, from)
			k.kill(t)
		}
		k.start(t)
		r.audit(t, 0)
		k.kill(t)
		for _, end := range ends() {
			if r.by[end.how] == 0 {
				t.Errorf("no session was acknowledged of those that end by %q", end.how)
			}
		}
		if !t.Failed() {
			t.Logf("%d kills, %d sessions acknowledged (%v), 0 revocations undone", 2*kills+1, len(r.sessions), r.by)
		}
	})
}

const (
	// revokers is how many people sign in and are signed out at once.
	revokers = 8
	password = "correct horse 7 staple"
)

// pair is the tokens of a session.
type pair struct {
	Refresh struct{ Token, ID string }       `json:"refresh_token"`
	Access  struct{ Token, Identity string } `json:"active_token"`
}

// session is what a server acknowledged of one.
type session struct {
	how   string // by what it was ended; empty: it goes on
	user  string
	pairs []pair // the oldest first
}

// revoked is a record of the sessions that a killed server acknowledged.
type revoked struct {
	*killed
	mu       sync.Mutex
	users    [revokers]string
	sessions []session
	by       map[string]int
}

// ends is every way to end a session, in the order in which they are tried;
// each says whether it was acknowledged. The first ends none.
func ends() []struct {
	how string
	end func(k *killed, s *session) bool
} {
	done := func(k *killed, path string, body map[string]any) bool {
		_, err := k.post(path, body)
		return err == nil
	}
	return []struct {
		how string
		end func(k *killed, s *session) bool
	}{
		{"", func(*killed, *session) bool { return true }},
		{"logout", func(k *killed, s *session) bool {
			return done(k, "/v2/client/session/logout", map[string]any{"token": s.last().Access.Token})
		}},
		{"invalidate", func(k *killed, s *session) bool {
			return done(k, "/v2/session/invalidate", map[string]any{"session_id": s.last().Refresh.ID})
		}},
		{"reuse", func(k *killed, s *session) bool {
			spent := s.last().Refresh.Token
			return k.goOn(s) && k.refused("/v2/client/session/refresh", map[string]any{"refresh_token": spent})
		}},
		{"logout after a refresh", func(k *killed, s *session) bool {
			return k.goOn(s) && done(k, "/v2/client/session/logout", map[string]any{"token": s.last().Access.Token})
		}},
		{"refresh", func(k *killed, s *session) bool { return k.goOn(s) }},
	}
}

func (s *session) last() pair { return s.pairs[len(s.pairs)-1] }

// goOn refreshes a session's tokens.
func (k *killed) goOn(s *session) bool {
	answer, err := k.post("/v2/client/session/refresh", map[string]any{"refresh_token": s.last().Refresh.Token})
	if err != nil {
		return false
	}
	var next pair
	if json.Unmarshal(answer, &next) != nil {
		return false
	}
	s.pairs = append(s.pairs, next)
	return true
}

// refused reports whether a call answers that the token is not valid.
func (k *killed) refused(path string, body map[string]any) bool {
	_, err := k.post(path, body)
	return err != nil && strings.Contains(err.Error(), `"InvalidToken"`)
}

// signUp makes one of the people whose sessions end.
func (r *revoked) signUp(t *testing.T, i int) {
	t.Helper()
	email := fmt.Sprintf("holder%d@example.org", i)
	if _, err := r.flow(email, "signup"); err != nil {
		t.Fatal(err)
	}
	r.users[i] = email
}

// flow signs somebody up or in.
func (k *killed) flow(email, kind string) (session, error) {
	answer, err := k.post("/v2/flow/start", map[string]any{"email": email, "flow_types": []string{kind}})
	if err != nil {
		return session{}, err
	}
	var begun struct {
		ID string `json:"flow_id"`
	}
	if err := json.Unmarshal(answer, &begun); err != nil {
		return session{}, err
	}
	if _, err = k.post("/v2/flow/update", map[string]any{"flow_id": begun.ID, "choice": "password", "data": map[string]any{"password": password}}); err != nil {
		return session{}, err
	}
	if answer, err = k.post("/v2/flow/complete", map[string]any{"flow_id": begun.ID}); err != nil {
		return session{}, err
	}
	var p pair
	if err := json.Unmarshal(answer, &p); err != nil {
		return session{}, err
	}
	return session{user: email, pairs: []pair{p}}, nil
}

// round starts the server, lets people come and go, and kills it meanwhile.
func (r *revoked) round(t *testing.T) {
	t.Helper()
	r.start(t)
	var running sync.WaitGroup
	var dead atomic.Bool
	table, pause := ends(), time.Duration(200+len(r.sessions)%200)*time.Millisecond
	for i := range revokers {
		running.Go(func() {
			for n := i; !dead.Load(); n++ {
				s, err := r.flow(r.users[i], "signin")
				if err != nil {
					return // not acknowledged
				}
				end := table[n%len(table)]
				if !end.end(r.killed, &s) {
					return // it may hold or not
				}
				s.how = end.how
				r.mu.Lock()
				r.sessions = append(r.sessions, s)
				r.by[s.how]++
				r.mu.Unlock()
			}
		})
	}
	time.Sleep(pause)
	r.kill(t)
	dead.Store(true)
	running.Wait()
}

// audit asks for all that was acknowledged since a session of this number.
func (r *revoked) audit(t *testing.T, from int) {
	t.Helper()
	var wrong atomic.Int64
	storetest.Together(revokers, func(i int) {
		for n := from + i; n < len(r.sessions); n += revokers {
			if fault := r.look(&r.sessions[n]); fault != "" && wrong.Add(1) <= 10 {
				t.Errorf("session %d of %s, %q: %s", n, r.sessions[n].user, r.sessions[n].how, fault)
			}
		}
	})
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of %d sessions are not what was acknowledged", n, len(r.sessions)-from)
	}
}

// look says what is wrong with a session. One that goes on is refreshed and,
// if it was refreshed before, ended: by the token that was spent before the kill.
func (r *revoked) look(s *session) string {
	if s.goesOn() {
		if _, err := r.post("/v2/client/token/check", map[string]any{"token": s.last().Access.Token}); err != nil {
			return fmt.Sprintf("nobody ended it, and its token is refused: %v", err)
		}
		if s.how == "" {
			if !r.goOn(s) {
				return "nobody ended it, and it is not refreshed"
			}
			s.how = "refresh"
			return ""
		}
		if !r.refused("/v2/client/session/refresh", map[string]any{"refresh_token": s.pairs[0].Refresh.Token}) {
			return "its spent refresh token is not refused"
		}
		s.how = "reuse after a kill"
	}
	for _, p := range s.pairs {
		if !r.refused("/v2/client/token/check", map[string]any{"token": p.Access.Token}) {
			return "a token is good again"
		}
		if !r.refused("/v2/client/session/refresh", map[string]any{"refresh_token": p.Refresh.Token}) {
			return "a refresh token is good again"
		}
	}
	return ""
}

func (s *session) goesOn() bool { return s.how == "" || s.how == "refresh" }
