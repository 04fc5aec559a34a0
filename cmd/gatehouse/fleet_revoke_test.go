package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

const (
	// promised is within what a change reaches every server, and givenUp when
	// the test says that it does not: a loaded machine may take its time.
	promised, givenUp = time.Second, 15 * time.Second
	// askEvery is how often each server is asked.
	askEvery = 20 * time.Millisecond
)

// visible is a change that is made at one place, and seen at others.
type visible struct {
	name   string
	byLine bool // by the command line, and so seen by every server
	// make prepares the change.
	make func(t *testing.T, r *revoking) prepared
}

// prepared is a change that is about to be made.
type prepared struct {
	change func(t *testing.T, at string)
	look   func(at string) (reply, error)
	before string // what is seen before it
	after  string // and after
}

// revoking is what changes are prepared with, in a round.
type revoking struct {
	*fleet
	signed   *killed // a pool whose tokens are signed
	replaced *killed // one whose signing keys are replaced
	changed  *killed // one whose settings change
	round    int
}

// holder signs somebody up, in either pool.
func (r *revoking) holder(t *testing.T, k *killed, name string) session {
	t.Helper()
	s, err := k.flow(fmt.Sprintf("%s%d@example.org", name, r.round), "signup")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ended is a change by a call after which the token of a session is refused.
func ended(name, path string, body func(s, other session) map[string]any) visible {
	return visible{name: name, make: func(t *testing.T, r *revoking) prepared {
		k := r.killed
		if r.round%2 == 1 {
			k = r.signed
		}
		s := r.holder(t, k, "ana-"+strings.ReplaceAll(path[1:], "/", "-")+"-")
		other, err := k.flow(s.user, "signin")
		if err != nil {
			t.Fatal(err)
		}
		return prepared{
			change: func(t *testing.T, at string) { must(t, at, k.token, path, body(s, other)) },
			look: func(at string) (reply, error) {
				return ask(at, k.token, "/v2/client/token/check", map[string]any{"token": s.last().Access.Token})
			},
			before: "Success", after: "InvalidToken",
		}
	}}
}

// must asks for something that succeeds.
func must(t *testing.T, at, token, path string, body any) reply {
	t.Helper()
	r, err := ask(at, token, path, body)
	if err != nil || r.status != "Success" {
		t.Errorf("%s answers %d %s (%v)", path, r.code, r.text, err)
	}
	return r
}

// visibles is every change that other servers must see within a second.
func visibles() []visible {
	return []visible{
		ended("logout", "/v2/client/session/logout", func(s, _ session) map[string]any { return map[string]any{"token": s.last().Access.Token} }),
		ended("session invalidated", "/v2/session/invalidate", func(s, _ session) map[string]any { return map[string]any{"session_id": s.last().Refresh.ID} }),
		ended("person disabled", "/v2/user/update", func(s, _ session) map[string]any { return map[string]any{"email": s.user, "disabled": true} }),
		ended("password changed", "/v2/client/password/change", func(_, other session) map[string]any {
			return map[string]any{"token": other.last().Access.Token, "old_password": password, "new_password": "another horse 8 staple"}
		}),
		ended("password expired", "/v2/user/password/expire", func(s, _ session) map[string]any { return map[string]any{"id": s.last().Access.Identity} }),
		{"API key revoked", true, func(t *testing.T, r *revoking) prepared {
			key := r.command(t, r.binary, "key", "create", "demo", "--kind", "client", "--name", "test")
			token, _ := key["token"].(string)
			return prepared{
				change: func(t *testing.T, _ string) {
					r.command(t, r.binary, "key", "revoke", "demo", fmt.Sprint(key["key_id"]))
				},
				look:   func(at string) (reply, error) { return ask(at, token, "/v2/client/jwks", map[string]any{}) },
				before: "Success", after: "Unauthorized",
			}
		}},
		{"signing keys replaced", true, func(t *testing.T, r *revoking) prepared {
			s := r.holder(t, r.replaced, "keys")
			return prepared{
				change: func(t *testing.T, _ string) { r.command(t, r.binary, "signing-key", "rotate", "replaced", "--at-once") },
				look: func(at string) (reply, error) {
					return ask(at, r.replaced.token, "/v2/client/token/check", map[string]any{"token": s.last().Access.Token})
				},
				before: "Success", after: "InvalidToken",
			}
		}},
		{"settings changed", true, func(_ *testing.T, r *revoking) prepared {
			// From where people may come: from elsewhere only, from everywhere.
			from, states := []string{`["192.0.2.0/24"]`, `[]`}, []string{"Success", "Unauthorized"}
			return prepared{
				change: func(t *testing.T, _ string) {
					r.command(t, r.binary, "pool", "set", "changed", "access.addresses="+from[r.round%2])
				},
				look: func(at string) (reply, error) {
					return ask(at, r.changed.token, "/v2/flow/start", map[string]any{"email": "new@example.org"})
				},
				before: states[r.round%2], after: states[1-r.round%2],
			}
		}},
	}
}

// TestO18EveryServerSees is abuse case O18 between built servers: what is ended
// or changed on one, or by the command line, is seen by each other one. The log
// says how long it took; see docs/reliability.md.
func TestO18EveryServerSees(t *testing.T) {
	binary := buildServer(t)
	f := newFleet(t, binary, storetest.Postgres(t), 3, quick()...)
	r := &revoking{fleet: f}
	pool := func(name, token string, settings ...string) *killed {
		created := f.command(t, binary, "pool", "create", name)
		f.command(t, binary, append([]string{"pool", "set", name}, quick(settings...)...)...)
		text, _ := created[token].(string)
		return &killed{url: f.url, token: text}
	}
	r.signed, r.replaced, r.changed = pool("signed", "service_token", "token.format=jwt"), pool("replaced", "service_token", "token.format=jwt"), pool("changed", "client_token")
	table := visibles()
	var all []time.Duration
	for r.round = range storetest.Rounds(t) {
		changes := make([]prepared, len(table))
		for i, v := range table {
			changes[i] = v.make(t, r)
		}
		if t.Failed() {
			return
		}
		// Until nobody hears any more of what would drop what they remember.
		time.Sleep(promised)
		maker := r.round % len(f.nodes)
		took := make([][]time.Duration, len(table))
		for i, c := range changes {
			for range 2 {
				for _, s := range f.nodes {
					if got, err := c.look(s.public); err != nil || got.status != c.before {
						t.Fatalf("%s: before it is %s (%v), want %s", table[i].name, got.text, err, c.before)
					}
				}
			}
		}
		storetest.Together(len(table), func(i int) { took[i] = see(t, f, table[i], changes[i], maker) })
		all = append(all, slices.Concat(took...)...)
	}
	slices.Sort(all)
	at := func(percent int) time.Duration { return all[(len(all)*percent+99)/100-1].Round(time.Millisecond) }
	late := len(all) - len(slices.DeleteFunc(slices.Clone(all), func(d time.Duration) bool { return d > promised }))
	t.Logf("%d times a change was seen on another server, after: median %v, p99 %v, longest %v; %d after more than %v", len(all), at(50), at(99), at(100), late, promised)
}

// see makes a change, and returns how long each server took to see it that did
// not make it.
func see(t *testing.T, f *fleet, v visible, c prepared, maker int) []time.Duration {
	c.change(t, f.nodes[maker].public)
	began := time.Now()
	took := make([]time.Duration, len(f.nodes))
	storetest.Together(len(f.nodes), func(n int) {
		for {
			got, err := c.look(f.nodes[n].public)
			took[n] = time.Since(began)
			switch {
			case err != nil:
				t.Errorf("%s: %v", v.name, err)
				return
			case got.status == c.after:
				if again, err := c.look(f.nodes[n].public); err != nil || again.status != c.after {
					t.Errorf("law: what was seen stays seen; %s: %s (%v)", v.name, again.text, err)
				}
				return
			case got.status != c.before:
				t.Errorf("law: a change is seen as it is; %s: %s", v.name, got.text)
				return
			case n == maker && !v.byLine:
				t.Errorf("law: the server that makes a change sees it at once; %s: %s", v.name, got.text)
				return
			case took[n] > givenUp:
				t.Errorf("law: what is done on one server is seen on each other; %s was not after %v", v.name, took[n])
				return
			}
			time.Sleep(askEvery)
		}
	})
	if !v.byLine {
		took = slices.Delete(took, maker, maker+1)
	}
	return took
}
