package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of PostgreSQL
	_ "modernc.org/sqlite"             // the driver of SQLite
)

// fill makes so many people out of one who is there, in the pool "bench", past
// the program: what is measured is not how they came.
func fill(ctx context.Context, database string, n int) error {
	driver := "pgx"
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, database = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(60000)"
	}
	db, err := sql.Open(driver, database)
	if err != nil {
		return err
	}
	defer db.Close()
	// The other columns are those of the one.
	const others = `phone, profile, email_verified, disabled, login_count, last_login_at, last_login_address, accepted_terms, accepted_privacy, credentials, version, updated_at`
	for _, statement := range []string{
		fmt.Sprintf(`
			WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d)
			INSERT INTO users (pool, id, email, email_key, username, username_key, created_at, %s)
			SELECT pool, 'usr_fill' || n, 'fill' || n || '@example.org', 'fill' || n || '@example.org', 'fill' || n || '@example.org', 'fill' || n || '@example.org', created_at + n, %s
			FROM users, numbers WHERE email_key = 'user1@example.org' AND pool = (SELECT id FROM pools WHERE name = 'bench')`, n, others, others),
		fmt.Sprintf(`UPDATE counters SET n = n + %d WHERE name = 'users' AND pool = (SELECT id FROM pools WHERE name = 'bench')
			AND shard = (SELECT MIN(c.shard) FROM counters c WHERE c.pool = counters.pool AND c.name = 'users')`, n),
	} {
		result, err := db.ExecContext(ctx, statement)
		if err != nil {
			return err
		}
		if touched, err := result.RowsAffected(); err != nil || touched == 0 {
			return fmt.Errorf("a statement touched no row (%w)", err)
		}
	}
	return nil
}
