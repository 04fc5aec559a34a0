package deliver_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// moody is an inbox with moods: before sees every try, and keeps a mail out
// of the inbox by returning an error.
type moody struct {
	*deliver.Inbox
	before func(ctx context.Context, try int, m deliver.Mail) error

	mu    sync.Mutex
	tries map[core.MessageID][]time.Time
	froms []string
}

func newMoody(before func(ctx context.Context, try int, m deliver.Mail) error) *moody {
	return &moody{Inbox: deliver.NewInbox(), before: before, tries: make(map[core.MessageID][]time.Time)}
}

func (s *moody) Send(ctx context.Context, m deliver.Mail) error {
	s.mu.Lock()
	s.tries[m.ID] = append(s.tries[m.ID], time.Now())
	s.froms = append(s.froms, m.FromName+" <"+m.FromAddress+">")
	try := len(s.tries[m.ID])
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(ctx, try, m); err != nil {
			return err
		}
	}
	return s.Inbox.Send(ctx, m)
}

func (s *moody) triesOf(id core.MessageID) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tries[id])
}

// recipients lists the recipients of what the inbox has, sorted.
func recipients(b *deliver.Inbox) []string {
	var to []string
	for _, caught := range b.List("") {
		to = append(to, caught.To)
	}
	slices.Sort(to)
	return to
}

// verify is a message that is good for half an hour.
func verify(to string) core.Message {
	return core.Message{
		ID: core.NewMessageID(), Template: "verify_email", To: to, ExpiresAt: time.Now().Add(30 * time.Minute),
		Values: map[string]string{"link": "https://id.example.org/verify?code=CANARY", "minutes": "30"},
	}
}

func queue(t *testing.T, st *store.Store, pool core.PoolID, messages ...core.Message) {
	t.Helper()
	for _, m := range messages {
		if err := st.As(storetest.Caller(pool)).Update(t.Context(), func(tx *store.Tx) error { return tx.Send(m) }); err != nil {
			t.Fatal(err)
		}
	}
}

// run starts a worker, and returns what stops it and waits for it.
func run(t *testing.T, st *store.Store, sender deliver.Sender, o deliver.Options) (stop func()) {
	t.Helper()
	if o.FromAddress == "" {
		o.FromAddress = "server@example.org"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		deliver.NewWorker(st, sender, o).Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(stop)
	return stop
}

// outcome tells what became of a pool's mails: how many wait, and the events
// that end one, oldest first.
func outcome(t *testing.T, st *store.Store, pool core.PoolID) (waiting int64, ends []store.Recorded) {
	t.Helper()
	err := st.As(storetest.Caller(pool)).View(t.Context(), func(tx *store.Tx) error {
		var err error
		if waiting, err = tx.Waiting(); err != nil {
			return err
		}
		all, err := tx.Events(10_000)
		for _, e := range slices.Backward(all) {
			if e.Name == core.EventMailSent || e.Name == core.EventMailDropped {
				ends = append(ends, e)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return waiting, ends
}

// expectEnds checks that nothing waits, and how each mail ended: "sent", or the
// reason for which it was dropped.
func expectEnds(t *testing.T, st *store.Store, pool core.PoolID, want ...string) {
	t.Helper()
	waiting, ends := outcome(t, st, pool)
	var got []string
	for _, e := range ends {
		if e.Name == core.EventMailSent {
			got = append(got, "sent")
		} else {
			got = append(got, e.Reason)
		}
		if e.Actor.Kind != core.ActorSystem || e.Target == "" {
			t.Errorf("the event %s has the actor %v and the target %q", e.Name, e.Actor, e.Target)
		}
		if text := fmt.Sprint(e); strings.Contains(text, "CANARY") || strings.Contains(text, "@") {
			t.Errorf("the event holds an address or a word of the mail: %s", text)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if waiting != 0 || !slices.Equal(got, want) {
		t.Errorf("%d mails wait; the others ended %v, want %v", waiting, got, want)
	}
}

func setting(json string) []byte { return []byte(json) }

// eventually waits until something has come to pass. How long it took says
// nothing; that it never did is a failure.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for range 1200 {
		if done() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("it never came to pass")
}

// alter changes a waiting message behind the store's back.
func alter(t *testing.T, path string, id core.MessageID, set string) {
	t.Helper()
	db := beside(t, path)
	result, err := db.ExecContext(t.Context(), `UPDATE outbox SET `+set+` WHERE id = $1`, string(id))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); n != 1 || err != nil {
		t.Fatalf("%d rows, %v", n, err)
	}
}

// beside opens a store's SQLite file once more.
func beside(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
