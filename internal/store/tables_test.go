package store_test

import (
	"database/sql"
	"maps"
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestEveryTableIsInTheTableOfTables keeps a new table from being forgotten in
// backups, and tables of an older schema from being asked for.
func TestEveryTableIsInTheTableOfTables(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		steps, err := store.Migrations(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			if err := store.MigrateTo(t.Context(), database, step.Version); err != nil {
				t.Fatal(err)
			}
			there := slices.Sorted(maps.Keys(storetest.Tables(t, storetest.Raw(t, database))))
			known := store.TablesAt(step.Version)
			slices.Sort(known)
			if !slices.Equal(there, known) {
				t.Errorf("law: tables.go has each table of the schema with the step that makes it; with %s there are\n%v, and it has\n%v", step.Name, there, known)
			}
		}
	})
}

// TestBackupOfAnOlderSchema takes a backup before an upgrade and restores it
// with the program after it.
func TestBackupOfAnOlderSchema(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		steps, err := store.Migrations(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			if err := store.MigrateTo(t.Context(), database, step.Version); err != nil {
				t.Fatal(err)
			}
			db := storetest.Raw(t, database)
			if step.Version == 1 {
				s, err := store.Open(t.Context(), store.Options{Database: database, Master: storetest.Master(), UnsafeDurability: true})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				for _, statement := range []string{
					`INSERT INTO pools (id, name, overrides, version, created_at, updated_at) VALUES ('pol_old', 'old', '{}', 1, 1, 1)`,
					`INSERT INTO sessions (pool, id, user_id, address, user_agent, created_at, expires_at, ended_at) VALUES ('pol_old', 'ses_old', 'usr_old', '', '', 1, 9, 0)`,
				} {
					if _, err := db.ExecContext(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				}
			}
			file := storetest.Backup(t, database)
			if schema := version(t, db); schema != step.Version {
				t.Errorf("law: a backup leaves the schema as it is; it was %d and is %d", step.Version, schema)
			}
			other := storetest.SQLite(t)
			info, err := store.Restore(t.Context(), store.Options{Database: other, Master: storetest.Master()}, file, false)
			if err != nil || info.Schema != step.Version {
				t.Fatalf("law: a backup of an older schema can be restored; of %s came %v and schema %d", step.Name, err, info.Schema)
			}
			if err := store.CheckSchema(t.Context(), other); err != nil {
				t.Errorf("law: what is restored has the schema of the program; got %v", err)
			}
			if p, err := storetest.Open(t, other).Across().PoolNamed(t.Context(), "old"); err != nil || p.ID != "pol_old" {
				t.Errorf("law: what an older schema held is there after the upgrade; got %v, %v", p, err)
			}
		}
	})
}

// TestFirstSecretsOfApplications: the secret that an application was made with,
// before applications had several, is one of them.
func TestFirstSecretsOfApplications(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		if err := store.MigrateTo(t.Context(), database, 17); err != nil {
			t.Fatal(err)
		}
		db := storetest.Raw(t, database)
		if _, err := db.ExecContext(t.Context(), `INSERT INTO pools (id, name, overrides, version, created_at, updated_at) VALUES ('pol_old', 'old', '{}', 1, 1, 1)`); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), `INSERT INTO applications (pool, id, name, secret_hash, created_at) VALUES ('pol_old', 'app_one', 'default', $1, 5)`, []byte("the hash")); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Migrate(t.Context(), database); err != nil {
			t.Fatal(err)
		}
		err := storetest.Open(t, database).As(storetest.Caller("pol_old")).View(t.Context(), func(tx *store.Tx) error {
			secret, err := tx.ApplicationSecret([]byte("the hash"))
			if err != nil || secret.Application != "app_one" || secret.Name != "default" || secret.CreatedAt.UnixMicro() != 5 || !secret.Alive(tx.Now()) {
				t.Errorf("law: the first secret of an application goes on; it is %+v (%v)", secret, err)
			}
			app, err := tx.Application("app_one")
			if err != nil || len(app.Client.Grants) > 0 || app.Version != 1 {
				t.Errorf("law: an application is no client until somebody says so; it is %+v (%v)", app, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func version(t *testing.T, db *sql.DB) (newest int64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied`).Scan(&newest); err != nil {
		t.Fatal(err)
	}
	return newest
}
