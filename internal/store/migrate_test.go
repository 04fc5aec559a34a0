package store_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func TestMigratingTwiceDoesNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		if err := store.CheckSchema(t.Context(), database); !errors.Is(err, store.ErrSchema) {
			t.Errorf("law: an empty database has no schema that fits; got %v", err)
		}
		first, err := store.Migrate(t.Context(), database)
		if err != nil || len(first) == 0 {
			t.Fatalf("law: an empty database takes every step; got %v, %v", first, err)
		}
		second, err := store.Migrate(t.Context(), database)
		if err != nil || len(second) != 0 {
			t.Errorf("law: a step is taken once; the second time there were %v (%v)", second, err)
		}
		if err := store.CheckSchema(t.Context(), database); err != nil {
			t.Errorf("law: a migrated database fits; got %v", err)
		}
		all, err := store.Migrations(t.Context(), database)
		if err != nil || len(all) != len(first) || slices.ContainsFunc(all, func(m store.Migration) bool { return !m.Applied }) {
			t.Errorf("law: every step is listed, and whether it was taken; got %v, %v", all, err)
		}
	})
}

// TestMigratingSideBySide has nodes that start at once on an empty database.
func TestMigratingSideBySide(t *testing.T) {
	const nodes = 8
	storetest.Engines(t, func(t *testing.T, database string) {
		taken := make([]int, nodes)
		storetest.Together(nodes, func(i int) {
			steps, err := store.Migrate(context.Background(), database)
			if err != nil {
				t.Errorf("law: nodes may migrate at once; number %d got %v", i, err)
			}
			taken[i] = len(steps)
		})
		all, err := store.Migrations(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, n := range taken {
			total += n
		}
		if total != len(all) {
			t.Errorf("law: each step is taken by one node; %v were, of %d", taken, len(all))
		}
		s := storetest.Open(t, database)
		storetest.Pool(t, s, "demo", nil)
	})
}

func TestMigratingDownAndUp(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		ctx := t.Context()
		if _, err := store.Migrate(ctx, database); err != nil {
			t.Fatal(err)
		}
		db := storetest.Raw(t, database)
		before := storetest.Tables(t, db)
		if err := store.MigrateDown(ctx, database); err != nil {
			t.Fatalf("law: every step can be taken back; got %v", err)
		}
		if err := store.CheckSchema(ctx, database); !errors.Is(err, store.ErrSchema) {
			t.Errorf("law: what was taken back does not fit; got %v", err)
		}
		for table := range before {
			var n int
			if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+table).Scan(&n); err == nil {
				t.Errorf("law: taking every step back leaves no table; %s is there", table)
			}
		}
		if _, err := store.Migrate(ctx, database); err != nil {
			t.Fatalf("law: what was taken back can be taken again; got %v", err)
		}
		if after := storetest.Tables(t, db); !reflect.DeepEqual(before, after) {
			t.Errorf("law: down and up leads back; the tables are %v in place of %v", after, before)
		}
		s := storetest.Open(t, database)
		storetest.Pool(t, s, "demo", nil)
	})
}

// TestEveryPoolTableIsKeyedByPool keeps the schema such that a query that names
// the pool finds its row by an index, and no id is unique across pools by
// accident.
func TestEveryPoolTableIsKeyedByPool(t *testing.T) {
	db := storetest.Raw(t, migrated(t))
	for table, column := range storetest.Tables(t, db) {
		if column != "pool" {
			continue
		}
		var first string
		// The tables whose rows are found without a pool have keys of their own.
		switch table {
		case "events", "changes", "pool_hosts":
			continue
		}
		err := db.QueryRowContext(t.Context(), `SELECT name FROM pragma_table_info($1) WHERE pk = 1`, table).Scan(&first)
		if err != nil || first != "pool" {
			t.Errorf("law: the key of what belongs to a pool begins with the pool; that of %s begins with %q (%v)", table, first, err)
		}
	}
}

func migrated(t *testing.T) string {
	t.Helper()
	database := storetest.SQLite(t)
	if _, err := store.Migrate(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	return database
}

// TestNodeThatLostTouchForgets holds for a node that could not read changes for
// so long that they may have been swept.
func TestNodeThatLostTouchForgets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		m := store.NewMemo[int](s, 10)
		// Who watches is told in turn: this one after the memo.
		heard := make(chan store.Change, 1000)
		s.Watch(func(c store.Change) {
			if c == (store.Change{}) {
				heard <- c
			}
		})
		keep := func() {
			if _, err := m.Get("k", func() (int, []store.Change, error) {
				return 1, []store.Change{{Pool: core.NewPoolID(), Kind: store.ChangeUser}}, nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); s.Follow(ctx) }()
		defer func() { cancel(); <-done }()
		for m.Len() == 0 {
			keep()
		}
		if len(heard) != 0 {
			t.Error("law: a node in touch has missed nothing")
		}
		// A reading that was under way finds touch again: lose it anew.
		told := false
		for deadline := time.Now().Add(30 * time.Second); !told && time.Now().Before(deadline); {
			s.LoseTouch(2 * time.Hour)
			select {
			case <-heard:
				told = true
			case <-time.After(time.Second):
			}
		}
		if !told {
			t.Fatal("law: a node that was out of touch is told so; after 30 seconds it was not")
		}
		// Nothing is kept between the loss and the telling: it was not trusted.
		if m.Len() != 0 {
			t.Errorf("law: a node that was out of touch forgets everything; it remembers %d", m.Len())
		}
	})
}
