package storetest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// stays is somebody with sessions: one of their own, two with an application
// that wants to be told of logouts, and one with an application that does not.
type stays struct {
	user              core.User
	own, deaf         core.Session
	told              []core.Session
	wants, wantsNot   core.Application
	others, othersApp core.Session // of another person: their own, and one with the first application
}

// stay stores them.
func stay(t *testing.T, b store.Bound) stays {
	t.Helper()
	name := secret.Random()
	s := stays{user: person(name)}
	other := person(name + "-other")
	app := func(address string) core.Application {
		return core.Application{ID: core.NewApplicationID(), Name: "Shop", CreatedAt: soon(0), Client: core.Client{BackchannelLogout: address}}
	}
	s.wants, s.wantsNot = app("https://shop.example/out"), app("")
	session := func(user core.User, a core.ApplicationID) core.Session {
		return core.Session{ID: core.NewSessionID(), User: user.ID, Application: a, CreatedAt: soon(0), ExpiresAt: soon(time.Hour)}
	}
	s.own, s.deaf, s.others, s.othersApp = session(s.user, ""), session(s.user, s.wantsNot.ID), session(other, ""), session(other, s.wants.ID)
	s.told = []core.Session{session(s.user, s.wants.ID), session(s.user, s.wants.ID)}
	update(t, b, func(tx *store.Tx) error {
		for _, u := range []core.User{s.user, other} {
			if err := tx.CreateUser(u); err != nil {
				return err
			}
		}
		for _, a := range []core.Application{s.wants, s.wantsNot} {
			if err := tx.PutApplication(a, nil); err != nil {
				return err
			}
		}
		for _, one := range append([]core.Session{s.own, s.deaf, s.others, s.othersApp}, s.told...) {
			if err := tx.PutSession(one); err != nil {
				return err
			}
		}
		return nil
	})
	return s
}

// logouts claims what is in line for applications, and returns it by session.
func logouts(t *testing.T, s *store.Store) map[core.SessionID][]core.Logout {
	t.Helper()
	claimed, err := s.Across().ClaimMessages(context.Background(), core.ChannelLogout, 1000, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[core.SessionID][]core.Logout)
	for _, o := range claimed {
		l := core.LogoutOf(o.Message)
		all[l.Session] = append(all[l.Session], l)
		if o.Place() != (store.Lane{Pool: o.Pool, Name: string(l.Application)}) {
			t.Errorf("law: each application has a lane of its own; %s stands in %v", l.Application, o.Place())
		}
		if left := time.Until(o.ExpiresAt); left < 50*time.Minute || left > time.Hour+time.Minute {
			t.Errorf("law: an application is tried for an hour; for this one there are %v", left)
		}
	}
	return all
}

// Each way in which a session ends that an application was given puts one
// message in line, in the same transaction; nothing else does.
func TestApplicationsAreToldOfEveryLogout(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		once := func(end func(tx *store.Tx, st stays) error) func(st stays) {
			return func(st stays) { update(t, b, func(tx *store.Tx) error { return end(tx, st) }) }
		}
		first := func(st stays) []core.SessionID { return []core.SessionID{st.told[0].ID} }
		both := func(st stays) []core.SessionID { return []core.SessionID{st.told[0].ID, st.told[1].ID} }
		none := func(stays) []core.SessionID { return nil }
		for name, c := range map[string]struct {
			end  func(st stays)
			want func(st stays) []core.SessionID
		}{
			"ending one session": {once(func(tx *store.Tx, st stays) error { _, err := tx.EndSession(st.told[0].ID); return err }), first},
			"ending it twice": {once(func(tx *store.Tx, st stays) error {
				_, err := tx.EndSession(st.told[0].ID)
				if err == nil {
					_, err = tx.EndSession(st.told[0].ID)
				}
				return err
			}), first},
			"ending all of a person's": {once(func(tx *store.Tx, st stays) error { _, err := tx.EndSessionsOf(st.user.ID, ""); return err }), both},
			"ending all but one":       {once(func(tx *store.Tx, st stays) error { _, err := tx.EndSessionsOf(st.user.ID, st.told[1].ID); return err }), first},
			"deleting the person":      {once(func(tx *store.Tx, st stays) error { return tx.DeleteUser(st.user.ID) }), both},
			"deleting the person when one had ended": {once(func(tx *store.Tx, st stays) error {
				_, err := tx.EndSession(st.told[0].ID)
				if err != nil {
					return err
				}
				return tx.DeleteUser(st.user.ID)
			}), both},
			"ending what is a person's own":                    {once(func(tx *store.Tx, st stays) error { _, err := tx.EndSession(st.own.ID); return err }), none},
			"ending what belongs to who does not want to know": {once(func(tx *store.Tx, st stays) error { _, err := tx.EndSession(st.deaf.ID); return err }), none},
			"removing the application":                         {once(func(tx *store.Tx, st stays) error { return tx.DeleteApplication(st.wants.ID) }), none},
			"removing it before all end": {once(func(tx *store.Tx, st stays) error {
				if err := tx.DeleteApplication(st.wants.ID); err != nil {
					return err
				}
				_, err := tx.EndSessionsOf(st.user.ID, "")
				return err
			}), none},
			"an end that is taken back": {func(st stays) {
				err := b.Update(t.Context(), func(tx *store.Tx) error {
					if _, err := tx.EndSessionsOf(st.user.ID, ""); err != nil {
						return err
					}
					return errWanted
				})
				if err == nil {
					t.Error("the update succeeded")
				}
			}, none},
			"an end by time": {func(st stays) {
				move(t, db, `UPDATE sessions SET expires_at = 1 WHERE user_id = $1`, string(st.user.ID))
				if _, err := s.Across().Sweep(t.Context(), 100); err != nil {
					t.Error(err)
				}
			}, none},
		} {
			st := stay(t, b)
			c.end(st)
			got := logouts(t, s)
			want := c.want(st)
			for id, all := range got {
				if !slices.Contains(want, id) || len(all) != 1 {
					t.Errorf("law: an application is told once of what was its own, and of nothing else; %s told %d times of %s", name, len(all), id)
				} else if l := all[0]; l.Application != st.wants.ID || l.User != st.user.ID {
					t.Errorf("law: who is told is whose session it was; %s told %+v", name, l)
				}
			}
			if len(got) != len(want) {
				t.Errorf("law: %s tells of %d sessions; it told of %d", name, len(want), len(got))
			}
		}
		select {
		case <-s.Queued(core.ChannelLogout):
		default:
			t.Error("law: a logout in line wakes who tells of it")
		}
		view(t, b, func(tx *store.Tx) error {
			events, err := tx.Events(1000)
			told := 0
			for _, e := range events {
				if e.Name == core.EventLogoutQueued {
					told++
					if e.Data["application"] == "" || e.Data["session"] == "" || e.Target == "" {
						t.Errorf("law: the event says of what whom is told; got %+v", e)
					}
				}
				if e.Name == core.EventMailQueued {
					t.Errorf("law: a logout is no mail; there is %+v", e)
				}
			}
			if want := 1 + 1 + 2 + 1 + 2 + 2; told != want {
				t.Errorf("law: each logout in line has its event; there are %d, and there were %d", told, want)
			}
			return err
		})
	})
}

// However many end a session at once, in whichever ways, its application is told
// once; and of other people's sessions never.
func TestApplicationsAreToldOnce(t *testing.T) {
	const at = 64
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		for range storetest.Rounds(t) {
			st := stay(t, b)
			storetest.Together(at, func(i int) {
				err := b.Update(context.Background(), func(tx *store.Tx) (err error) {
					switch i % 4 {
					case 0:
						_, err = tx.EndSessionsOf(st.user.ID, "")
					case 1:
						if err = tx.DeleteUser(st.user.ID); core.Is(err, core.CodeNotFound) {
							err = nil
						}
					default:
						_, err = tx.EndSession(st.told[i%2].ID)
					}
					return err
				})
				if err != nil {
					t.Errorf("law: ending what has ended is no fault; got %v", err)
				}
			})
			got := logouts(t, s)
			for id, all := range got {
				if len(all) != 1 {
					t.Errorf("law: an application is told once; of %s it was told %d times", id, len(all))
				}
			}
			if len(got) != 2 || len(got[st.told[0].ID]) != 1 || len(got[st.told[1].ID]) != 1 {
				t.Errorf("law: it is told of each of the two; there are %v", fmt.Sprint(got))
			}
		}
	})
}

// An application that is left alone holds up no other of its pool.
func TestApplicationsHaveLanesOfTheirOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		one, two := stay(t, b), stay(t, b)
		update(t, b, func(tx *store.Tx) error {
			_, err := tx.EndSessionsOf(one.user.ID, "")
			if err == nil {
				_, err = tx.EndSessionsOf(two.user.ID, "")
			}
			return err
		})
		claim := func(except ...store.Lane) (of []core.ApplicationID) {
			claimed, err := s.Across().ClaimMessages(t.Context(), core.ChannelLogout, 10, time.Hour, except...)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range claimed {
				of = append(of, core.LogoutOf(o.Message).Application)
			}
			return of
		}
		pool := poolOf(t, b)
		if got := claim(store.Lane{Pool: pool, Name: string(one.wants.ID)}, store.Lane{Pool: "pol_nowhere", Name: string(two.wants.ID)}, store.Lane{Pool: pool}); !slices.Equal(got, []core.ApplicationID{two.wants.ID, two.wants.ID}) {
			t.Errorf("law: those are left alone that are named, and no others; claimed were %v", got)
		}
		if got := claim(); !slices.Equal(got, []core.ApplicationID{one.wants.ID, one.wants.ID}) {
			t.Errorf("law: they are there later; claimed were %v", got)
		}
		if backlog, err := s.Across().Backlog(t.Context()); err != nil || backlog.Waiting != 4 || backlog.Overdue != 0 {
			t.Errorf("law: logouts are counted, and are nobody's fault; the backlog is %+v (%v)", backlog, err)
		}
	})
}
