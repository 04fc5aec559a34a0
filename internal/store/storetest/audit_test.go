package storetest_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// trail is a pool whose first n events are sealed.
func trail(t *testing.T, s *store.Store, name string, n int) store.Bound {
	t.Helper()
	b := s.As(storetest.Caller(storetest.Pool(t, s, name, core.Overrides{})))
	for i := range n {
		tell(t, b, i)
	}
	if _, err := s.Across().Seal(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	return b
}

func tell(t *testing.T, b store.Bound, i int) {
	t.Helper()
	update(t, b, func(tx *store.Tx) error {
		return tx.Record(core.Event{Name: core.EventUserChanged, Target: fmt.Sprint("user ", i), Reason: "a reason", Data: map[string]string{"fields": fmt.Sprint(i)}})
	})
}

func seal(t *testing.T, s *store.Store, want int) {
	t.Helper()
	if n, err := s.Across().Seal(t.Context(), 1000); err != nil || n != want {
		t.Fatalf("law: every event that waits is sealed; %d were in place of %d (%v)", n, want, err)
	}
}

func verify(t *testing.T, b store.Bound, known store.AuditHead) store.AuditReport {
	t.Helper()
	var report store.AuditReport
	err := b.View(t.Context(), func(tx *store.Tx) (err error) {
		report, err = tx.VerifyAudit(known)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestX35AuditTampering is abuse case X35: somebody who can write to the
// database changes the trail in every way there is, and the check names the
// first row that is not as it was.
func TestX35AuditTampering(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		cases := map[string]struct {
			statements []string // ? is the pool
			fault      store.AuditFaultKind
			place      int64
		}{
			"an event deleted":           {[]string{`DELETE FROM events WHERE pool = ? AND place = 4`}, store.AuditRemoved, 4},
			"the first deleted":          {[]string{`DELETE FROM events WHERE pool = ? AND place = 1`}, store.AuditRemoved, 1},
			"the last ones deleted":      {[]string{`DELETE FROM events WHERE pool = ? AND place >= 6`}, store.AuditRemoved, 6},
			"all deleted":                {[]string{`DELETE FROM events WHERE pool = ?`}, store.AuditRemoved, 1},
			"two exchanged":              {[]string{`UPDATE events SET place = -place WHERE pool = ? AND place IN (3, 5)`, `UPDATE events SET place = 8 + place WHERE pool = ? AND place < 0`}, store.AuditAltered, 3},
			"a gap closed":               {[]string{`DELETE FROM events WHERE pool = ? AND place = 4`, `UPDATE events SET place = 4 WHERE pool = ? AND place = 8`}, store.AuditAltered, 4},
			"one taken out of the chain": {[]string{`UPDATE events SET place = 0 WHERE pool = ? AND place = 4`}, store.AuditRemoved, 4},
			"one hidden below":           {[]string{`UPDATE events SET place = -9 WHERE pool = ? AND place = 4`}, store.AuditAdded, -9},
			"one put behind the end":     {[]string{`INSERT INTO events (pool, name, actor_kind, actor_id, target, reason, data, address, request_id, created_at, place, link) SELECT pool, name, actor_kind, actor_id, target, reason, data, address, request_id, created_at, 9, link FROM events WHERE pool = ? AND place = 8`}, store.AuditAdded, 9},
			"the end set back":           {[]string{`UPDATE audit_heads SET place = 7, link = (SELECT link FROM events e WHERE e.pool = audit_heads.pool AND e.place = 7) WHERE pool = ?`}, store.AuditHeadBad, 0},
			"the end and its event away": {[]string{`DELETE FROM events WHERE pool = ? AND place = 8`, `UPDATE audit_heads SET place = 7 WHERE pool = ?`}, store.AuditHeadBad, 0},
			"the beginning moved":        {[]string{`DELETE FROM events WHERE pool = ? AND place <= 2`, `UPDATE audit_heads SET trimmed = 2 WHERE pool = ?`}, store.AuditHeadBad, 0},
			"the head deleted":           {[]string{`DELETE FROM audit_heads WHERE pool = ?`}, store.AuditAdded, 1},
			"what is no JSON":            {[]string{`UPDATE events SET data = '{' WHERE pool = ? AND place = 4`}, store.AuditAltered, 4},
		}
		for _, column := range []string{"name", "actor_kind", "actor_id", "target", "reason", "data", "address", "request_id", "link"} {
			cases["another "+column] = struct {
				statements []string
				fault      store.AuditFaultKind
				place      int64
			}{[]string{`UPDATE events SET ` + column + ` = 'x' WHERE pool = ? AND place = 4`}, store.AuditAltered, 4}
		}
		for _, column := range []string{"seq", "created_at"} {
			cases["another "+column] = struct {
				statements []string
				fault      store.AuditFaultKind
				place      int64
			}{[]string{`UPDATE events SET ` + column + ` = ` + column + ` + 1000000 WHERE pool = ? AND place = 4`}, store.AuditAltered, 4}
		}
		n := 0
		for name, c := range cases {
			n++
			t.Run(name, func(t *testing.T) {
				b := trail(t, s, fmt.Sprint("pool", n), 8)
				other := trail(t, s, fmt.Sprint("other", n), 8)
				if r := verify(t, b, store.AuditHead{}); r.Fault != nil || r.Checked != 8 || r.Head.Place != 8 {
					t.Fatalf("law: a chain that nobody touched is whole; got %+v, fault %+v", r, r.Fault)
				}
				for _, statement := range c.statements {
					tamper(t, db, statement, b)
				}
				r := verify(t, b, store.AuditHead{})
				if r.Fault == nil || r.Fault.Kind != c.fault || r.Fault.Place != c.place {
					t.Errorf("law: the first row that is not as it was is named; got %+v, want %s at %d", r.Fault, c.fault, c.place)
				}
				if r := verify(t, other, store.AuditHead{}); r.Fault != nil {
					t.Errorf("law: another pool's chain is its own; got %+v", r.Fault)
				}
			})
		}
	})
}

// tamper runs a statement whose ? is the caller's pool, past the store.
func tamper(t *testing.T, db *sql.DB, statement string, b store.Bound) {
	t.Helper()
	var pool core.PoolID
	err := b.View(t.Context(), func(tx *store.Tx) error { pool = tx.Caller().Pool; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range statement {
		if r == '?' {
			statement = statement[:i] + "'" + string(pool) + "'" + statement[i+1:]
			break
		}
	}
	result, err := db.ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	if touched, err := result.RowsAffected(); err != nil || touched == 0 {
		t.Fatalf("%s touched nothing (%v)", statement, err)
	}
}

// TestX35SetBack says what only a head that was kept elsewhere can show: the
// whole database as it was before.
func TestX35SetBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		here, there := trail(t, s, "here", 5), trail(t, s, "there", 5)
		first := verify(t, here, store.AuditHead{}).Head
		tell(t, here, 6)
		seal(t, s, 1)
		second := verify(t, here, store.AuditHead{}).Head
		for name, c := range map[string]struct {
			known store.AuditHead
			fault bool
		}{
			"a head that it went on from": {first, false},
			"its head":                    {second, false},
			"a head further on":           {store.AuditHead{Place: 7, Link: second.Link}, true},
			"another chain's head":        {verify(t, there, store.AuditHead{}).Head, true},
		} {
			if r := verify(t, here, c.known); (r.Fault != nil) != c.fault || c.fault && r.Fault.Kind != store.AuditSetBack {
				t.Errorf("law: a chain contains every head that it had, and no other; with %s: %+v", name, r.Fault)
			}
		}
		read, err := store.ParseAuditHead(second.String())
		if err != nil || read.Place != second.Place || read.Link != second.Link {
			t.Errorf("law: a head reads as it was written; %s gave %+v, %v", second, read, err)
		}
		for _, text := range []string{"", "6", "6:", ":" + second.Link, "6:zz", "6:" + second.Link[2:], "0:" + second.Link, "-1:" + second.Link} {
			if _, err := store.ParseAuditHead(text); err == nil {
				t.Errorf("law: what is no head is not read as one; %q was", text)
			}
		}
	})
}

// TestAuditIsTrimmedFromItsBeginning says how old events go.
func TestAuditIsTrimmedFromItsBeginning(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := trail(t, s, "demo", 0)
		pool := named(t, s, "demo")
		for i := range 10 {
			tell(t, b, i)
		}
		tamper(t, db, `UPDATE events SET created_at = created_at - 7200000000 WHERE pool = ? AND target <= 'user 5'`, b)
		seal(t, s, 10)
		trim := func(n, want int) {
			t.Helper()
			if gone, err := s.Across().TrimAudit(t.Context(), pool, time.Now().Add(-time.Hour), n); err != nil || gone != want {
				t.Errorf("law: of the oldest events those before the time go, at most so many; %d went in place of %d (%v)", gone, want, err)
			}
		}
		trim(4, 4)
		trim(100, 2)
		trim(100, 0)
		r := verify(t, b, store.AuditHead{})
		if r.Fault != nil || r.Checked != 4 || r.Head.Trimmed != 6 || r.Head.Place != 10 {
			t.Errorf("law: what is left is a whole chain that begins behind what went; got %+v, fault %+v", r, r.Fault)
		}
		tell(t, b, 11)
		seal(t, s, 1)
		if r := verify(t, b, store.AuditHead{}); r.Fault != nil || r.Head.Place != 11 {
			t.Errorf("law: a trimmed chain goes on; got %+v, fault %+v", r, r.Fault)
		}
	})
}

// TestX35AgedByHand has somebody who can write to the database make events old, so
// that the server itself deletes them.
func TestX35AgedByHand(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := trail(t, s, "demo", 4)
		tamper(t, db, `UPDATE events SET created_at = 1 WHERE pool = ? AND place <= 2`, b)
		if gone, err := s.Across().TrimAudit(t.Context(), named(t, s, "demo"), time.Now().Add(-time.Hour), 100); gone != 0 || err == nil {
			t.Errorf("law: an event that was made old by hand is not deleted, and the log says why; %d went (%v)", gone, err)
		}
		if r := verify(t, b, store.AuditHead{}); r.Fault == nil || r.Fault.Kind != store.AuditAltered || r.Fault.Place != 1 {
			t.Errorf("law: and the check names it; got %+v, fault %+v", r, r.Fault)
		}
	})
}

// TestX35OneChainAlone has the head of one pool altered: the other pools' events
// are chained as before, however many of that pool's wait before them.
func TestX35OneChainAlone(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		bad, good := trail(t, s, "bad", 2), trail(t, s, "good", 2)
		tamper(t, db, `UPDATE audit_heads SET link = 'x' WHERE pool = ?`, bad)
		for i := range 5 {
			tell(t, bad, i)
		}
		for i := range 3 {
			tell(t, good, i)
		}
		n, err := s.Across().Seal(t.Context(), 2)
		for err != nil && n == 2 {
			n, err = s.Across().Seal(t.Context(), 2)
		}
		if err == nil || !strings.Contains(err.Error(), string(named(t, s, "bad"))) {
			t.Errorf("law: the error names the pool whose head was altered; got %v", err)
		}
		if r := verify(t, good, store.AuditHead{}); r.Fault != nil || r.Checked != 5 {
			t.Errorf("law: another pool's chain goes on; got %+v, fault %+v", r, r.Fault)
		}
		if r := verify(t, bad, store.AuditHead{}); r.Fault == nil || r.Fault.Kind != store.AuditHeadBad {
			t.Errorf("law: and the check names what is wrong; got %+v", r.Fault)
		}
	})
}

// TestTrimmedByTwo lets two nodes delete the same old events.
func TestTrimmedByTwo(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		nodes := []*store.Store{storetest.Open(t, database), storetest.Open(t, database)}
		b, pool := trail(t, nodes[0], "demo", 200), named(t, nodes[0], "demo")
		var gone atomic.Int64
		storetest.Together(4, func(i int) {
			for range 50 {
				n, err := nodes[i%2].Across().TrimAudit(t.Context(), pool, time.Now().Add(time.Hour), 7)
				if err != nil {
					t.Errorf("law: of two that delete the same, one does, and nobody takes it for tampering; got %v", err)
				}
				gone.Add(int64(n))
			}
		})
		if r := verify(t, b, store.AuditHead{}); r.Fault != nil || gone.Load() != 200 || r.Head.Trimmed != 200 {
			t.Errorf("law: each event goes once; %d went, got %+v, fault %+v", gone.Load(), r, r.Fault)
		}
	})
}

func named(t *testing.T, s *store.Store, name string) core.PoolID {
	t.Helper()
	p, err := s.Across().PoolNamed(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// TestParallelSealers lets several nodes seal what many write, and trim it,
// while it is verified.
func TestParallelSealers(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		nodes := []*store.Store{storetest.Open(t, database)}
		if database[:6] != "sqlite" {
			nodes = append(nodes, storetest.Open(t, database), storetest.Open(t, database))
		}
		const writers, each = 8, 25
		b := trail(t, nodes[0], "demo", 0)
		var left atomic.Int64
		left.Store(writers)
		storetest.Together(writers+2*len(nodes)+1, func(i int) {
			switch {
			case i < writers:
				for n := range each {
					err := b.Update(t.Context(), func(tx *store.Tx) error {
						return tx.Record(core.Event{Name: core.EventUserChanged, Target: fmt.Sprint(i, " ", n)})
					})
					if err != nil {
						t.Error(err)
					}
				}
				left.Add(-1)
			case i < writers+2*len(nodes):
				for left.Load() > 0 {
					if _, err := nodes[i%len(nodes)].Across().Seal(t.Context(), 7); err != nil {
						t.Error(err)
					}
				}
			default:
				for left.Load() > 0 {
					if r := verify(t, b, store.AuditHead{}); r.Fault != nil {
						t.Errorf("law: a chain is whole at every moment; got %+v", r.Fault)
					}
				}
			}
		})
		for {
			n, err := nodes[0].Across().Seal(t.Context(), 100)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		if r := verify(t, b, store.AuditHead{}); r.Fault != nil || r.Checked != writers*each {
			t.Errorf("law: of several sealers each event is sealed by one; got %+v, fault %+v", r, r.Fault)
		}
		var targets []string
		err := b.View(t.Context(), func(tx *store.Tx) error {
			for after := int64(0); ; {
				page, err := tx.Trail(after, 33)
				if err != nil || len(page) == 0 {
					return err
				}
				for _, e := range page {
					after = e.Place
					targets = append(targets, e.Target)
				}
			}
		})
		slices.Sort(targets)
		if err != nil || len(slices.Compact(targets)) != writers*each {
			t.Errorf("law: the trail is read to its end, each event once; %d of %d (%v)", len(targets), writers*each, err)
		}
	})
}

// TestX36FloodOfEvents is abuse case X36: refusals by the thousand are all
// counted, and do not fill the disk.
func TestX36FloodOfEvents(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b, other := trail(t, s, "demo", 0), trail(t, s, "other", 0)
		const flood, written, each = 12_000, 10_000, 500
		for range flood / each {
			update(t, b, func(tx *store.Tx) error {
				for i := range each {
					name := core.EventPasswordRefused
					if i%5 == 0 {
						name = core.EventFlowRefused
					}
					if err := tx.Record(core.Event{Name: name}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		// One that is taken back was none.
		if err := b.Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.Record(core.Event{Name: core.EventFlowRefused}); err != nil {
				return err
			}
			return context.Canceled
		}); err == nil {
			t.Fatal("the update was kept")
		}
		update(t, b, func(tx *store.Tx) error { return tx.Record(core.Event{Name: core.EventUserDeleted}) })
		update(t, other, func(tx *store.Tx) error { return tx.Record(core.Event{Name: core.EventFlowRefused}) })
		if n := count(t, db, "events"); n != written+2 {
			t.Errorf("law: so many refusals of a pool are told one by one, and everything else always; there are %d events in place of %d", n, written+2)
		}
		if err := s.TellCounted(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.TellCounted(t.Context()); err != nil {
			t.Fatal(err)
		}
		var events []store.Recorded
		err := b.View(t.Context(), func(tx *store.Tx) (err error) { events, err = tx.Events(2); return err })
		if err != nil {
			t.Fatal(err)
		}
		if e := events[0]; e.Name != core.EventRefusalsCounted || e.Actor.Kind != core.ActorSystem ||
			e.Data[string(core.EventPasswordRefused)] != "1600" || e.Data[string(core.EventFlowRefused)] != "400" || events[1].Name != core.EventUserDeleted {
			t.Errorf("law: all others are counted, and told once; got %+v", events)
		}
	})
}
