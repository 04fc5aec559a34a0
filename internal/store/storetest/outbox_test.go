package storetest_test

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func TestEventsAndMessagesFollowTheCommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		const writers = 32
		storetest.Together(writers, func(i int) {
			err := b.Update(context.Background(), func(tx *store.Tx) error {
				if err := tx.Record(core.Event{Name: core.EventUserCreated, Target: fmt.Sprint(i)}); err != nil {
					return err
				}
				if err := tx.Send(core.Message{ID: core.NewMessageID(), To: fmt.Sprint(i), Template: "t"}); err != nil {
					return err
				}
				if i%2 == 1 {
					return errWanted
				}
				return nil
			})
			if (err == nil) != (i%2 == 0) {
				t.Errorf("writer %d got %v", i, err)
			}
		})
		select {
		case <-s.Queued(core.ChannelMail):
		default:
			t.Error("law: a message in line wakes whoever sends")
		}
		targets := make(map[string]int)
		view(t, b, func(tx *store.Tx) error {
			events, err := tx.Events(1000)
			for i, e := range events {
				targets[e.Target]++
				if i > 0 && events[i-1].Seq <= e.Seq {
					t.Errorf("law: events come newest first; %d stands before %d", events[i-1].Seq, e.Seq)
				}
				if e.Name == core.EventMailQueued {
					targets["mail"]++
				}
			}
			if err != nil {
				return err
			}
			n, err := tx.Waiting()
			if n != writers/2 || targets["mail"] != writers/2 {
				t.Errorf("law: a message is in line, and told of, if and only if its reason is committed; %d are in line and %d told of, in place of %d", n, targets["mail"], writers/2)
			}
			return err
		})
		for i := range writers {
			if want := 1 - i%2; targets[fmt.Sprint(i)] != want {
				t.Errorf("law: an event is there if and only if it is committed; number %d is there %d times in place of %d", i, targets[fmt.Sprint(i)], want)
			}
		}
	})
}

func TestClaimedMessagesAreOnesOwn(t *testing.T) {
	const messages, claimers = 120, 8
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		send := func(prefix string) {
			update(t, b, func(tx *store.Tx) error {
				for i := range messages {
					if err := tx.Send(core.Message{ID: core.MessageID(fmt.Sprint(prefix, i)), To: fmt.Sprint(i), Template: "t"}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for round := range storetest.Rounds(t) {
			send(fmt.Sprint("r", round, "-"))
			var mu sync.Mutex
			claims := make(map[core.MessageID]int)
			storetest.Together(claimers, func(int) {
				for {
					claimed, err := s.Across().ClaimMessages(context.Background(), core.ChannelMail, 7, time.Hour)
					if err != nil {
						t.Errorf("law: claiming side by side is no fault; got %v", err)
						return
					}
					if len(claimed) == 0 {
						return
					}
					if len(claimed) > 7 {
						t.Errorf("law: no more are claimed than were asked for; there were %d", len(claimed))
					}
					for _, o := range claimed {
						mu.Lock()
						claims[o.ID]++
						mu.Unlock()
						if o.Attempts != 1 || o.Pool != poolOf(t, b) || o.ID != core.MessageID(fmt.Sprint("r", round, "-", o.To)) {
							t.Errorf("law: a claimed message is whole; got %+v", o.Message)
						}
						var done bool
						err := b.Update(context.Background(), func(tx *store.Tx) (err error) { done, err = tx.FinishMessage(o); return err })
						if !done || err != nil {
							t.Errorf("law: who claimed a message finishes it; got %t, %v", done, err)
						}
					}
				}
			})
			for id, n := range claims {
				if n != 1 {
					t.Errorf("law: within the lease nobody else gets a message; %d had %s", n, id)
				}
			}
			if len(claims) != messages {
				t.Errorf("law: every message is claimed by somebody; %d of %d were", len(claims), messages)
			}
		}
	})
}

// Mails and text messages stand in lines of their own, and whoever claims may
// leave some pools alone.
func TestChannelsAreClaimedApart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := demo(t, s), demo(t, s)
		for i, one := range []store.Bound{a, b} {
			update(t, one, func(tx *store.Tx) error {
				for channel, prefix := range map[core.Channel]string{core.ChannelMail: "mail", core.ChannelText: "text"} {
					if err := tx.Send(core.Message{ID: core.MessageID(fmt.Sprint(prefix, i)), Channel: channel, To: prefix, Template: "t"}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for _, channel := range []core.Channel{core.ChannelMail, core.ChannelText} {
			select {
			case <-s.Queued(channel):
			default:
				t.Errorf("law: a message in line wakes who sends those of its channel; %q does not", channel)
			}
		}
		claim := func(channel core.Channel, except ...store.Lane) (got string) {
			t.Helper()
			claimed, err := s.Across().ClaimMessages(context.Background(), channel, 10, time.Hour, except...)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range claimed {
				if o.Channel != channel || o.Unreadable != nil {
					t.Errorf("law: a claimed message is whole; got %+v", o)
				}
				got += string(o.ID) + " "
			}
			return got
		}
		both := []store.Lane{{Pool: poolOf(t, a)}, {Pool: poolOf(t, b)}}
		for _, step := range []struct{ got, want string }{
			{claim(core.ChannelText, both...), ""}, {claim(core.ChannelText, both[0]), "text1 "}, {claim(core.ChannelText), "text0 "}, {claim(core.ChannelText), ""},
			{claim(core.ChannelMail, both[1], store.Lane{Pool: "pol_nowhere"}), "mail0 "}, {claim(core.ChannelMail), "mail1 "},
		} {
			if step.got != step.want {
				t.Errorf("law: those are claimed that were asked for; got %q, want %q", step.got, step.want)
			}
		}
		for _, one := range []store.Bound{a, b} {
			view(t, one, func(tx *store.Tx) error {
				events, err := tx.Events(1000)
				queued := map[core.EventName]int{}
				for _, e := range events {
					queued[e.Name]++
				}
				if queued[core.EventMailQueued] != 1 || queued[core.EventTextQueued] != 1 {
					t.Errorf("law: each channel has events of its own; there are %v", queued)
				}
				return err
			})
		}
	})
}

func TestLeasesRunOut(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f := fill(t, s)
		claim := func() []store.Outgoing {
			claimed, err := s.Across().ClaimMessages(context.Background(), core.ChannelMail, 10, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return claimed
		}
		finish := func(o store.Outgoing) (done bool) {
			update(t, f.bound, func(tx *store.Tx) (err error) { done, err = tx.FinishMessage(o); return err })
			return done
		}
		putOff := func(o store.Outgoing, until time.Time) {
			update(t, f.bound, func(tx *store.Tx) error { return tx.PutOffMessage(o, until) })
		}
		first := claim()
		if len(first) != 1 || len(claim()) != 0 {
			t.Fatalf("law: within the lease nobody else gets a message; the first got %d", len(first))
		}
		move(t, db, `UPDATE outbox SET due_at = 1 WHERE pool = $1`, string(f.pool.ID))
		second := claim()
		if len(second) != 1 || second[0].Attempts != 2 || second[0].To != f.message.To {
			t.Fatalf("law: after the lease somebody gets the message, and knows it was tried before; got %+v", second)
		}
		putOff(first[0], soon(-time.Hour))
		if finish(first[0]) || len(claim()) != 0 {
			t.Error("law: who lost a claim neither finishes the message nor puts it off")
		}
		putOff(second[0], soon(time.Hour))
		if len(claim()) != 0 {
			t.Error("law: a message that was put off is not due before")
		}
		if finish(second[0]) {
			t.Error("law: who gave a message back does not finish it")
		}
		move(t, db, `UPDATE outbox SET due_at = 1 WHERE pool = $1`, string(f.pool.ID))
		third := claim()
		if len(third) != 1 || third[0].Attempts != 3 || !finish(third[0]) || finish(third[0]) {
			t.Errorf("law: a message is finished once; got %+v", third)
		}
		view(t, f.bound, func(tx *store.Tx) error {
			n, err := tx.Waiting()
			if n != 0 {
				t.Errorf("law: a finished message is out of the line; %d wait", n)
			}
			return err
		})
	})
}

func move(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// TestSweepDeletesOnlyWhatHasPassed ages one pool's rows to just beyond their
// time and another's to just before it.
func TestSweepDeletesOnlyWhatHasPassed(t *testing.T) {
	const day = 24 * time.Hour
	swept := []struct {
		table, column string
		after         time.Duration
	}{
		{"flows", "expires_at", 0}, {"tickets", "expires_at", time.Hour}, {"access_tokens", "expires_at", day}, {"refresh_tokens", "expires_at", day},
		{"sessions", "expires_at", 30 * day}, {"attempts", "updated_at", 30 * day}, {"notes", "expires_at", 0}, {"changes", "created_at", time.Hour},
		{"invitations", "expires_at", time.Hour}, {"budgets", "ends_at", 0}, {"saml_assertions", "expires_at", time.Hour},
	}
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		over, alive, young := fill(t, s), fill(t, s), fill(t, s)
		aged := make(map[string]bool)
		for _, c := range swept {
			aged[c.table] = true
			for pool, offset := range map[core.PoolID]time.Duration{over.pool.ID: -time.Minute, alive.pool.ID: time.Minute} {
				move(t, db, `UPDATE `+c.table+` SET `+c.column+` = $1 WHERE pool = $2`, time.Now().Add(-c.after).Add(offset).UnixMicro(), string(pool))
			}
		}
		before := []map[string][]string{storetest.Dump(t, db, over.pool.ID), storetest.Dump(t, db, alive.pool.ID), storetest.Dump(t, db, young.pool.ID)}
		var total int64
		for runs := 0; ; runs++ {
			gone, err := s.Across().Sweep(context.Background(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if gone > int64(len(swept)) {
				t.Errorf("law: a sweep deletes no more of each kind than it was told; %d went", gone)
			}
			if total += gone; gone == 0 {
				break
			}
			if runs > 100 {
				t.Fatal("law: sweeping comes to an end")
			}
		}
		after := []map[string][]string{storetest.Dump(t, db, over.pool.ID), storetest.Dump(t, db, alive.pool.ID), storetest.Dump(t, db, young.pool.ID)}
		var gone int64
		for table, rows := range before[0] {
			if aged[table] {
				gone += int64(len(rows))
				if len(rows) == 0 || len(after[0][table]) != 0 {
					t.Errorf("law: what has passed goes; of %s there were %d rows and are %d", table, len(rows), len(after[0][table]))
				}
			} else if table != "counters" && !reflect.DeepEqual(rows, after[0][table]) { // what goes is counted off
				t.Errorf("law: a sweep leaves other tables alone; %s changed", table)
			}
		}
		if gone != total {
			t.Errorf("law: a sweep tells how many went; it told %d in place of %d", total, gone)
		}
		for i := range before[1:] {
			if !reflect.DeepEqual(before[1+i], after[1+i]) {
				t.Errorf("law: what has not passed stays; there are\n%v\nin place of\n%v", after[1+i], before[1+i])
			}
		}
	})
}
