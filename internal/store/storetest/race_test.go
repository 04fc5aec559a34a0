package storetest_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// crowd is how many try at once.
const crowd = 64

// race lets a crowd try something and states that one of them wins. Everybody
// else must get the code.
func race(t *testing.T, law string, lost core.Code, try func(round, i int) error) {
	t.Helper()
	for round := range storetest.Rounds(t) {
		var won atomic.Int64
		storetest.Together(crowd, func(i int) {
			switch err := try(round, i); {
			case err == nil:
				won.Add(1)
			case !core.Is(err, lost):
				t.Errorf("law: who loses gets %s; got %v", lost, err)
			}
		})
		if won.Load() != 1 {
			t.Errorf("law: %s; in round %d there were %d", law, round, won.Load())
		}
	}
}

// TestI14UniqueRaces is abuse case I14: of many who take one identifier at the
// same moment, in any spelling, one gets it.
func TestI14UniqueRaces(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		pool := poolOf(t, b)

		spellings := func(round, i int) string {
			email := fmt.Sprintf("zoë.kisk%d@bücher.example", round)
			switch i % 6 {
			case 1:
				return strings.ToUpper(email)
			case 2:
				return norm.NFD.String(email)
			case 3:
				return strings.Replace(email, "bücher", "xn--bcher-kva", 1)
			case 4:
				return strings.Replace(email, "k", "\u212a", 1)
			case 5:
				return strings.Replace(email, "example", "EXAMPLE", 1)
			}
			return email
		}
		race(t, "one e-mail address is one person's", core.CodeTaken, func(round, i int) error {
			u := person("x")
			u.Email = spellings(round, i)
			u.Username = u.Email
			return b.Update(context.Background(), func(tx *store.Tx) error { return tx.CreateUser(u) })
		})
		race(t, "one username is one person's", core.CodeTaken, func(round, i int) error {
			u := person(fmt.Sprintf("other%d-%d", round, i))
			u.Username = fmt.Sprintf("Name%d", round)
			if i%2 == 0 {
				u.Username = strings.ToUpper(u.Username)
			}
			return b.Update(context.Background(), func(tx *store.Tx) error { return tx.CreateUser(u) })
		})
		race(t, "one name is one pool's", core.CodeTaken, func(round, _ int) error {
			id := core.NewPoolID()
			return s.As(storetest.Caller(id)).Update(context.Background(), func(tx *store.Tx) error {
				return tx.CreatePool(core.Pool{ID: id, Name: fmt.Sprint("race", round)})
			})
		})
		race(t, "one host is one pool's", core.CodeTaken, func(round, i int) error {
			id := core.NewPoolID()
			return s.As(storetest.Caller(id)).Update(context.Background(), func(tx *store.Tx) error {
				return tx.CreatePool(core.Pool{ID: id, Name: fmt.Sprint("host", round, "-", i), Hosts: []string{fmt.Sprint("h", round, ".example")}})
			})
		})

		var rows, keys int
		err := db.QueryRowContext(t.Context(), `SELECT COUNT(*), COUNT(DISTINCT email_key) FROM users WHERE pool = $1`, string(pool)).Scan(&rows, &keys)
		if want := 2 * storetest.Rounds(t); err != nil || rows != want || keys != want {
			t.Errorf("law: who lost left no row; there are %d rows and %d addresses in place of %d (%v)", rows, keys, want, err)
		}
	})
}

func TestOnceOnlyThingsHappenOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		hash := func(round int) []byte { return fmt.Append(nil, "hash", round) }
		invite := func(round int) core.InvitationID { return core.InvitationID(fmt.Sprintf("inv_%d", round)) }
		flows := make([]core.Flow, storetest.Rounds(t))
		for round := range flows {
			flows[round] = core.Flow{ID: core.NewFlowID(), Version: 1, ExpiresAt: soon(time.Hour)}
			update(t, f.bound, func(tx *store.Tx) error {
				if err := tx.PutTicket(hash(round), core.Ticket{Purpose: core.TicketLogin, ExpiresAt: soon(time.Hour)}); err != nil {
					return err
				}
				i := f.invite
				i.ID, i.Email = invite(round), fmt.Sprintf("r%d@example.org", round)
				if err := tx.PutInvitation(hash(round), i); err != nil {
					return err
				}
				if err := tx.PutFlow(flows[round]); err != nil {
					return err
				}
				if err := tx.PutSession(core.Session{ID: core.SessionID(hash(round)), User: f.user.ID, ExpiresAt: soon(time.Hour)}); err != nil {
					return err
				}
				return tx.PutRefresh(hash(round), store.Refresh{Session: f.session.ID, ExpiresAt: soon(time.Hour)})
			})
		}
		race(t, "a one-time value is used once", core.CodeTicketInvalid, func(round, _ int) error {
			return f.bound.Update(context.Background(), func(tx *store.Tx) error {
				_, err := tx.UseTicket(core.TicketLogin, hash(round))
				return err
			})
		})
		race(t, "an invitation is used once", core.CodeTicketInvalid, func(round, _ int) error {
			return f.bound.Update(context.Background(), func(tx *store.Tx) error {
				return tx.UseInvitation(invite(round), fmt.Sprintf("r%d@example.org", round))
			})
		})
		race(t, "a refresh token is spent once", core.CodeTokenInvalid, func(round, _ int) error {
			return f.bound.Update(context.Background(), func(tx *store.Tx) error {
				_, spent, err := tx.SpendRefresh(hash(round))
				if err == nil && !spent {
					return core.Fail(core.CodeTokenInvalid, "spent")
				}
				return err
			})
		})
		race(t, "a counter reaches a count once", core.CodeConflict, func(round, _ int) error {
			return f.bound.Update(context.Background(), func(tx *store.Tx) error {
				advanced, err := tx.AdvanceAuthenticator(f.user.ID, f.passkey.ID, f.passkey.Counter+1+int64(round))
				if err == nil && !advanced {
					return core.Fail(core.CodeConflict, "not advanced")
				}
				return err
			})
		})
		var codes [][]byte
		for round := range flows {
			codes = append(codes, hash(round))
		}
		update(t, f.bound, func(tx *store.Tx) error { return tx.PutRecoveryCodes(f.user.ID, codes) })
		race(t, "a recovery code is used once", core.CodeWrongCode, func(round, _ int) error {
			return f.bound.Update(context.Background(), func(tx *store.Tx) error {
				used, err := tx.UseRecoveryCode(f.user.ID, hash(round))
				if err == nil && !used {
					return core.Fail(core.CodeWrongCode, "used")
				}
				return err
			})
		})
		race(t, "a flow changes once from each version", core.CodeConflict, func(round, _ int) error {
			return f.bound.Update(context.Background(), func(tx *store.Tx) error { return tx.UpdateFlow(flows[round]) })
		})
		race(t, "a flow completes once", core.CodeConflict, func(round, _ int) error {
			next := flows[round]
			next.Version = 2
			return f.bound.Update(context.Background(), func(tx *store.Tx) error { return tx.CompleteFlow(next) })
		})
		race(t, "a session ends once", core.CodeTokenInvalid, func(round, _ int) error {
			return f.bound.Update(context.Background(), func(tx *store.Tx) error {
				ended, err := tx.EndSession(core.SessionID(hash(round)))
				if err == nil && !ended {
					return core.Fail(core.CodeTokenInvalid, "ended")
				}
				return err
			})
		})
	})
}

func TestOnePasswordEach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		for round := range storetest.Rounds(t) {
			u := person(fmt.Sprint("u", round))
			update(t, b, func(tx *store.Tx) error { return tx.CreateUser(u) })
			storetest.Together(crowd, func(i int) {
				a := core.Authenticator{ID: core.NewAuthenticatorID(), User: u.ID, Kind: core.AuthenticatorPassword, Secret: fmt.Sprint("phc", i)}
				if err := b.Update(context.Background(), func(tx *store.Tx) error { return tx.PutPassword(a) }); err != nil {
					t.Errorf("putting a password: %v", err)
				}
			})
			view(t, b, func(tx *store.Tx) error {
				all, err := tx.Authenticators(u.ID)
				if err == nil && len(all) != 1 {
					t.Errorf("law: a person has one password, however many were set at once; there are %d", len(all))
				}
				return err
			})
		}
	})
}
