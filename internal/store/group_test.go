package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// TestFullDiskIsToldToAll fills a disk with one write of a group: SQLite then
// takes back the whole transaction by itself, and everybody in it hears why.
func TestFullDiskIsToldToAll(t *testing.T) {
	e, err := openSQLite(t.Context(), filepath.Join(t.TempDir(), "full.db"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	do := func(statement string) error {
		return e.classify(e.update(t.Context(), func(ctx context.Context, q querier) error {
			_, err := q.ExecContext(ctx, statement)
			return err
		}))
	}
	if err := do(`CREATE TABLE t (b BLOB)`); err != nil {
		t.Fatal(err)
	}
	// The first write holds the writer until the others wait: they are a group.
	var writers sync.WaitGroup
	held, free := make(chan struct{}), make(chan struct{})
	writers.Go(func() {
		_ = e.update(t.Context(), func(ctx context.Context, q querier) error {
			close(held)
			<-free
			_, err := q.ExecContext(ctx, `PRAGMA max_page_count = 20`)
			return err
		})
	})
	<-held
	errs := make([]error, 3)
	for i, statement := range []string{`INSERT INTO t VALUES (zeroblob(10))`, `INSERT INTO t VALUES (zeroblob(1000000))`, `INSERT INTO t VALUES (zeroblob(20))`} {
		writers.Go(func() { errs[i] = do(statement) })
	}
	queue := e.(*sqliteEngine).writer.queue
	for len(queue) < len(errs) {
		time.Sleep(time.Millisecond)
	}
	close(free)
	writers.Wait()
	for i, err := range errs {
		var fault *core.Error
		if !errors.As(err, &fault) || fault.Code != core.CodeUnavailable {
			t.Errorf("law: everybody in a group that a full disk broke off hears so; %d got %v", i, err)
		}
	}
	if err := do(`INSERT INTO t VALUES (zeroblob(10))`); err != nil {
		t.Errorf("law: and what has room is written after it; got %v", err)
	}
}
