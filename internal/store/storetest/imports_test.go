package storetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestUploadedFilesGo says when a file is forgotten, and what stored nobody.
func TestUploadedFilesGo(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f := fill(t, s) // with a file that an import works on
		b := demo(t, s)
		file := func(life time.Duration, chunks int64) core.ImportSource {
			source := core.ImportSource{ID: core.NewImportSourceID(), ExpiresAt: soon(life)}
			update(t, b, func(tx *store.Tx) error {
				if err := tx.PutImportSource(source); err != nil {
					return err
				}
				for number := range chunks {
					if err := tx.PutImportChunk(source.ID, number, []byte("x")); err != nil {
						return err
					}
				}
				return tx.FinishImportSource(source)
			})
			return source
		}
		waits, passed := file(time.Hour, 3), file(-time.Second, 100)
		tried := core.Import{ID: core.NewImportID(), Source: waits.ID, Dry: true}
		update(t, b, func(tx *store.Tx) error {
			if err := tx.CreateImport(tried); err != nil {
				return err
			}
			if _, err := tx.ClaimImport(tried.ID, "me", soon(time.Hour)); err != nil {
				return err
			}
			return tx.AdvanceImport(tried.ID, store.ImportStep{Claim: "me", To: 1, Until: soon(time.Hour), Details: []core.ImportDetail{{Outcome: core.OutcomeFailed, Row: 1}}})
		})
		view(t, b, func(tx *store.Tx) error {
			if _, err := tx.ImportSource(passed.ID); !core.Is(err, core.CodeNotFound) {
				t.Errorf("law: a file past its time is used no more; got %v", err)
			}
			return nil
		})
		// The one that an import works on is past its time too, and stays.
		if _, err := db.ExecContext(t.Context(), `UPDATE import_sources SET expires_at = 1 WHERE id = $1`, string(f.source.ID)); err != nil {
			t.Fatal(err)
		}
		sweep := func() {
			t.Helper()
			if _, err := s.Across().Sweep(t.Context(), 1000); err != nil {
				t.Fatal(err)
			}
		}
		left := func(want string) {
			t.Helper()
			if got := fmt.Sprint(count(t, db, "import_sources"), count(t, db, "import_chunks"), count(t, db, "user_imports"), count(t, db, "import_details")); got != want {
				t.Errorf("law: what is past its time goes, and nothing else; there are %s files, pieces, imports and details in place of %s", got, want)
			}
		}
		left("3 104 2 2")
		sweep()
		left("2 4 2 2")
		// A week later nobody asks what was tried.
		if _, err := db.ExecContext(t.Context(), `UPDATE user_imports SET updated_at = $1`, soon(-8*24*time.Hour).UnixMicro()); err != nil {
			t.Fatal(err)
		}
		sweep()
		left("2 4 1 1")
		update(t, f.bound, func(tx *store.Tx) error {
			ended, err := tx.EndImport(f.imported.ID, claimOfImport, core.ImportFailed, "x")
			if err == nil && !ended {
				t.Error("law: who holds the claim ends an import")
			}
			return err
		})
		sweep()
		left("1 3 1 1")
	})
}

// TestImportsHaveOneWorker lets many claim one import, and somebody who lost it
// go on.
func TestImportsHaveOneWorker(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		update(t, f.bound, func(tx *store.Tx) error { return tx.ReleaseImport(f.imported.ID, claimOfImport) })
		for round := range storetest.Rounds(t) {
			claims := make([]store.ImportClaim, 16)
			storetest.Together(len(claims), func(i int) {
				claim, ok, err := s.Across().ClaimImport(t.Context(), fmt.Sprint("worker ", round, i), time.Hour)
				if err != nil {
					t.Error(err)
				}
				if ok {
					claims[i] = claim
				}
			})
			var have []store.ImportClaim
			for _, c := range claims {
				if c.ID == f.imported.ID {
					have = append(have, c)
				}
			}
			if len(have) != 1 || have[0].Pool != f.pool.ID || len(have[0].Mapping.Fields) != 2 {
				t.Fatalf("law: an import is in the hands of one worker; %d have it: %+v", len(have), have)
			}
			step := store.ImportStep{Claim: "worker", From: 7 + int64(round), To: 8 + int64(round), Until: soon(time.Hour), Done: core.Import{Successful: 1}}
			lost := f.bound.Update(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.AddNewcomers(f.imported.ID, []store.Newcomer{{User: person(fmt.Sprint("lost", round))}}); err != nil {
					return err
				}
				return tx.AdvanceImport(f.imported.ID, step)
			})
			step.Claim = have[0].Claim
			kept := f.bound.Update(t.Context(), func(tx *store.Tx) error { return tx.AdvanceImport(f.imported.ID, step) })
			again := f.bound.Update(t.Context(), func(tx *store.Tx) error { return tx.AdvanceImport(f.imported.ID, step) })
			if !core.Is(lost, core.CodeConflict) || kept != nil || !core.Is(again, core.CodeConflict) {
				t.Errorf("law: whoever has the claim takes each step once; a stranger's came to %v, the worker's to %v, and once more to %v", lost, kept, again)
			}
			update(t, f.bound, func(tx *store.Tx) error {
				if _, err := tx.UserByEmail(fmt.Sprintf("lost%d@example.org", round)); !core.Is(err, core.CodeNotFound) {
					t.Errorf("law: what somebody does without a claim is not done; got %v", err)
				}
				return tx.ReleaseImport(f.imported.ID, step.Claim)
			})
		}
	})
}
