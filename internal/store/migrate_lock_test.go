package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestMigrationHoldsNobodyUp has a transaction that keeps a table while a step
// wants to change it. Whoever came after the step would queue behind it for as
// long as that transaction goes on; so the step gives way and comes again.
func TestMigrationHoldsNobodyUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	database := storetest.Postgres(t)
	if _, err := store.Migrate(ctx, database); err != nil {
		t.Fatal(err)
	}
	const before = 8 // the step after it changes the table authenticators
	if err := store.MigrateDownTo(ctx, database, before); err != nil {
		t.Fatal(err)
	}
	db := storetest.Raw(t, database)
	long, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer long.Rollback() // it is over already unless the test failed
	if _, err := long.ExecContext(ctx, `SELECT * FROM authenticators`); err != nil {
		t.Fatal(err)
	}

	hurried, hurry := context.WithTimeout(ctx, time.Second)
	defer hurry()
	if _, err := store.Migrate(hurried, database); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("law: a step that cannot be taken ends with its caller; got %v", err)
	}

	type outcome struct {
		steps []store.Migration
		err   error
	}
	migrated := make(chan outcome, 1)
	go func() {
		steps, err := store.Migrate(ctx, database)
		migrated <- outcome{steps, err}
	}()
	waits := func() bool {
		var n int
		if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM pg_locks WHERE relation = 'authenticators'::regclass AND NOT granted`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	for range 2 { // it gives way and comes again
		for !waits() {
			time.Sleep(time.Millisecond)
		}
		if _, err := db.ExecContext(ctx, `SELECT COUNT(*) FROM authenticators`); err != nil {
			t.Fatalf("law: a step that waits for a table holds up nobody else; got %v", err)
		}
		for waits() {
			time.Sleep(time.Millisecond)
		}
	}
	if err := long.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := <-migrated; got.err != nil || len(got.steps) == 0 {
		t.Errorf("law: a step is taken once the table is free; got %v, %v", got.steps, got.err)
	}
	if err := store.CheckSchema(ctx, database); err != nil {
		t.Error(err)
	}
}
