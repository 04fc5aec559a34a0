package deliver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func TestAWorkerSendsAtOnceWithThePoolsWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := storetest.New(t)
		plain := storetest.Pool(t, st, "plain", nil)
		named := storetest.Pool(t, st, "named", core.Overrides{"display_name": setting(`"Ham & Eggs"`)})
		own := storetest.Pool(t, st, "own", core.Overrides{
			"display_name": setting(`"Own"`), "mail.from_name": setting(`"Own Mail"`), "mail.from_address": setting(`"own@example.com"`),
			"mail.templates": setting(`{"verify_email": {"subject": "Welcome to {{app}}, {{email}}"}}`),
		})
		s := newMoody(nil)
		run(t, st, s, deliver.Options{FromName: "Server"})
		synctest.Wait()
		began := time.Now()
		queue(t, st, plain, verify("p@example.org"))
		queue(t, st, named, verify("n@example.org"))
		queue(t, st, own, verify("o@example.org"))
		synctest.Wait()
		if !time.Now().Equal(began) {
			t.Error("the worker waited instead of being woken")
		}
		for to, want := range map[string]struct{ from, subject, text string }{
			"p@example.org": {"Server <server@example.org>", "Confirm your e-mail address for plain", "signed up to plain with"},
			"n@example.org": {"Ham & Eggs <server@example.org>", "Confirm your e-mail address for Ham & Eggs", "signed up to Ham & Eggs with"},
			"o@example.org": {"Own Mail <own@example.com>", "Welcome to Own, o@example.org", "signed up to Own with"},
		} {
			list := s.List(to)
			if len(list) != 1 || list[0].Subject != want.subject || !strings.Contains(list[0].Text, want.text) {
				t.Errorf("to %s: got %+v", to, list)
				continue
			}
			if !slices.Equal(list[0].Links, []string{"https://id.example.org/verify?code=CANARY"}) || !slices.Contains(s.froms, want.from) {
				t.Errorf("to %s: links %v, senders %v", to, list[0].Links, s.froms)
			}
		}
		for _, pool := range []core.PoolID{plain, named, own} {
			expectEnds(t, st, pool, "sent")
		}
	})
}

// What another node puts in line is found without being told.
func TestAWorkerLooksByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := storetest.SQLite(t)
		here, there := storetest.Open(t, database), storetest.Open(t, database)
		pool := storetest.Pool(t, here, "demo", nil)
		s := newMoody(nil)
		run(t, here, s, deliver.Options{})
		synctest.Wait()
		queue(t, there, pool, verify("ana@example.org"))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		expectEnds(t, here, pool, "sent")
	})
}

// A worker that dies with a message in hand loses nothing: when its lease is
// over the message is sent, and not before.
func TestNothingIsLostWhenAWorkerDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := storetest.New(t)
		pool := storetest.Pool(t, st, "demo", nil)
		queue(t, st, pool, verify("ana@example.org"), verify("bob@example.org"))
		claimed, err := st.Across().ClaimMessages(t.Context(), core.ChannelMail, 10, time.Minute)
		if err != nil || len(claimed) != 2 {
			t.Fatalf("claimed %d, %v", len(claimed), err)
		}
		s := newMoody(nil)
		run(t, st, s, deliver.Options{})
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if got := recipients(s.Inbox); len(got) != 0 {
			t.Errorf("sent to %v within somebody's lease", got)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := recipients(s.Inbox); !slices.Equal(got, []string{"ana@example.org", "bob@example.org"}) {
			t.Errorf("sent to %v", got)
		}
		expectEnds(t, st, pool, "sent", "sent")
	})
}

// A worker that dies after the mail has left and before it is written down
// sends it a second time, with the same id.
func TestNothingIsLostWhenTheDatabaseGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := storetest.SQLite(t)
		st := storetest.Open(t, database)
		pool := storetest.Pool(t, st, "demo", nil)
		dying, err := store.Open(t.Context(), store.Options{Database: database, Master: storetest.Master(), UnsafeDurability: true})
		if err != nil {
			t.Fatal(err)
		}
		m := verify("ana@example.org")
		queue(t, st, pool, m)
		s := newMoody(func(_ context.Context, try int, _ deliver.Mail) error {
			if try == 1 {
				return dying.Close()
			}
			return nil
		})
		run(t, dying, s, deliver.Options{})
		synctest.Wait()
		if waiting, ends := outcome(t, st, pool); waiting != 1 || len(ends) != 0 {
			t.Fatalf("%d wait, ended: %v", waiting, ends)
		}
		run(t, st, s, deliver.Options{})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if tries := s.triesOf(m.ID); len(tries) != 2 {
			t.Errorf("it left %d times", len(tries))
		}
		expectEnds(t, st, pool, "sent")
	})
}

// A worker that loses its message to another, because it is slower than its
// lease or the other's clock is ahead, does not write down a second end.
func TestAMessageEndsOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		takes time.Duration
		ahead bool
	}{{"slower than the lease", 10 * time.Minute, false}, {"the other's clock is ahead", 10 * time.Second, true}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				database := storetest.SQLite(t)
				st := storetest.Open(t, database)
				pool := storetest.Pool(t, st, "demo", nil)
				s := newMoody(func(_ context.Context, try int, m deliver.Mail) error {
					if try == 1 {
						if c.ahead {
							alter(t, strings.TrimPrefix(database, "sqlite:"), m.ID, `due_at = 1`)
						}
						time.Sleep(c.takes) // and ignores its context
					}
					return nil
				})
				m := verify("ana@example.org")
				queue(t, st, pool, m)
				run(t, st, s, deliver.Options{})
				time.Sleep(20 * time.Minute)
				synctest.Wait()
				if tries := s.triesOf(m.ID); len(tries) != 2 {
					t.Errorf("it was tried %d times", len(tries))
				}
				expectEnds(t, st, pool, "sent")
			})
		})
	}
}

// A database that is busy just when a mail has left costs no second mail: the
// worker waits until it can write that down.
func TestABusyDatabaseCostsNoSecondMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := storetest.SQLite(t)
		st := storetest.Open(t, database)
		pool := storetest.Pool(t, st, "demo", nil)
		db := beside(t, strings.TrimPrefix(database, "sqlite:"))
		s := newMoody(func(context.Context, int, deliver.Mail) error {
			other, err := db.Conn(t.Context())
			if err != nil {
				return err
			}
			if _, err := other.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
				return err
			}
			go func() {
				time.Sleep(25 * time.Second) // longer than the store waits for its turn
				if _, err := other.ExecContext(t.Context(), `ROLLBACK`); err != nil {
					t.Error(err)
				}
				if err := other.Close(); err != nil {
					t.Error(err)
				}
			}()
			return nil
		})
		m := verify("ana@example.org")
		queue(t, st, pool, m)
		run(t, st, s, deliver.Options{})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if tries := s.triesOf(m.ID); len(tries) != 1 {
			t.Errorf("it left %d times", len(tries))
		}
		expectEnds(t, st, pool, "sent")
	})
}

func TestAFailureForNowIsTriedAgainLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := storetest.New(t)
		pool := storetest.Pool(t, st, "demo", nil)
		const failures = 8
		s := newMoody(func(_ context.Context, try int, _ deliver.Mail) error {
			if try <= failures {
				return errors.New("451")
			}
			return nil
		})
		m := verify("ana@example.org")
		m.ExpiresAt = time.Time{} // never
		queue(t, st, pool, m)
		run(t, st, s, deliver.Options{})
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		tries := s.triesOf(m.ID)
		if len(tries) != failures+1 {
			t.Fatalf("tried %d times", len(tries))
		}
		for i := range failures {
			most := time.Second << i
			// The clock of the bubble moves only while everybody waits, so
			// the look once a second is all that comes on top.
			if gap := tries[i+1].Sub(tries[i]); gap < most/2 || gap > most+time.Second {
				t.Errorf("after try %d it took %s, not %s to %s", i+1, gap, most/2, most)
			}
		}
		_, ends := outcome(t, st, pool)
		if len(ends) != 1 || ends[0].Data["attempts"] != fmt.Sprint(failures+1) || ends[0].Data["template"] != "verify_email" || ends[0].Target != string(m.ID) {
			t.Errorf("ended %+v", ends)
		}
		expectEnds(t, st, pool, "sent")
	})
}

// Tries go on until a message's time is over, and none comes after.
func TestTriesEndWithTheMessagesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := storetest.New(t)
		pool := storetest.Pool(t, st, "demo", nil)
		s := newMoody(func(context.Context, int, deliver.Mail) error { return errors.New("451") })
		m := verify("ana@example.org")
		queue(t, st, pool, m)
		run(t, st, s, deliver.Options{})
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		tries := s.triesOf(m.ID)
		last := tries[len(tries)-1]
		if !last.Before(m.ExpiresAt) || m.ExpiresAt.Sub(last) > 5*time.Second {
			t.Errorf("the last of %d tries was %s before its time was over", len(tries), m.ExpiresAt.Sub(last))
		}
		expectEnds(t, st, pool, string(deliver.DropGaveUp))
	})
}

// A panic on the way of one mail stops neither the others nor the worker, nor
// is that mail lost, nor does what it says reach the log.
func TestAPanicStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := storetest.New(t)
		pool := storetest.Pool(t, st, "demo", nil)
		s := newMoody(func(_ context.Context, try int, m deliver.Mail) error {
			if strings.HasPrefix(m.To, "panic") && try <= 3 {
				if try == 1 {
					var none map[string]string
					none["x"] = m.Text //nolint:staticcheck // the panic is what the test is about
				}
				panic("CANARY " + m.Text)
			}
			return nil
		})
		var log bytes.Buffer
		stop := run(t, st, s, deliver.Options{Parallel: 2, Log: slog.New(slog.NewTextHandler(&log, nil))})
		for i := range 4 {
			queue(t, st, pool, verify(fmt.Sprintf("panic%d@example.org", i)), verify(fmt.Sprintf("calm%d@example.org", i)))
		}
		synctest.Wait()
		if got := recipients(s.Inbox); !slices.Equal(got, []string{"calm0@example.org", "calm1@example.org", "calm2@example.org", "calm3@example.org"}) {
			t.Errorf("at first sent to %v", got)
		}
		time.Sleep(time.Minute)
		stop()
		expectEnds(t, st, pool, slices.Repeat([]string{"sent"}, 8)...)
		text := log.String()
		if !strings.Contains(text, "panic: assignment to entry in nil map") || !strings.Contains(text, "panic: string") || strings.Contains(text, "CANARY") {
			t.Errorf("the log says %s", text)
		}
	})
}

// A server that is slow with one mail holds up that mail only, and no more
// mails are under way than were allowed.
func TestASlowMailHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := storetest.New(t)
		pool := storetest.Pool(t, st, "demo", nil)
		const parallel = 3
		release := make(chan struct{})
		busy := make(chan struct{}, parallel)
		s := newMoody(func(_ context.Context, _ int, m deliver.Mail) error {
			select {
			case busy <- struct{}{}:
				defer func() { <-busy }()
			default:
				t.Error("more mails are under way than allowed")
			}
			if strings.HasPrefix(m.To, "slow") {
				<-release
			}
			time.Sleep(time.Millisecond)
			return nil
		})
		queue(t, st, pool, verify("slow1@example.org"), verify("slow2@example.org"))
		for i := range 40 {
			queue(t, st, pool, verify(fmt.Sprintf("quick%d@example.org", i)))
		}
		run(t, st, s, deliver.Options{Parallel: parallel})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := recipients(s.Inbox); len(got) != 40 {
			t.Errorf("%d quick mails went past the slow ones", len(got))
		}
		close(release)
		synctest.Wait()
		time.Sleep(time.Second)
		expectEnds(t, st, pool, slices.Repeat([]string{"sent"}, 42)...)
	})
}

// A worker that is told to stop finishes what it has in hand and takes no more.
func TestAWorkerStopsInGoodOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := storetest.New(t)
		pool := storetest.Pool(t, st, "demo", nil)
		var ends time.Time
		s := newMoody(func(ctx context.Context, _ int, _ deliver.Mail) error {
			ends, _ = ctx.Deadline()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Second):
				return nil
			}
		})
		queue(t, st, pool, verify("ana@example.org"))
		stop := run(t, st, s, deliver.Options{Parallel: 1})
		synctest.Wait()
		queue(t, st, pool, verify("bob@example.org"))
		stop()
		if got := recipients(s.Inbox); !slices.Equal(got, []string{"ana@example.org"}) {
			t.Errorf("sent to %v", got)
		}
		if waiting, sent := outcome(t, st, pool); waiting != 1 || len(sent) != 1 {
			t.Errorf("%d wait, ended %v", waiting, sent)
		}
		if ends.IsZero() {
			t.Error("a send has no deadline")
		}
	})
}

// However many workers there are, each mail leaves once.
func TestManyWorkersSendEachMailOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		const mails, nodes = 120, 3
		first := storetest.Open(t, database)
		pool := storetest.Pool(t, first, "demo", nil)
		s := newMoody(nil)
		for range nodes {
			run(t, storetest.Open(t, database), s, deliver.Options{Parallel: 4})
		}
		for i := range mails {
			queue(t, first, pool, verify(fmt.Sprintf("u%d@example.org", i)))
		}
		eventually(t, func() bool { waiting, _ := outcome(t, first, pool); return waiting == 0 })
		if got := recipients(s.Inbox); len(got) != mails || len(slices.Compact(got)) != mails {
			t.Errorf("%d mails left for %d messages", len(got), mails)
		}
		expectEnds(t, first, pool, slices.Repeat([]string{"sent"}, mails)...)
	})
}
