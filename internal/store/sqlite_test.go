package store

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// Each connection has what its opening asks for. The driver runs pragmas in the
// order of the alphabet, so that of two of one name the wrong one may win: then
// readers keep as many pages as the writer, and the memory grows for hours.
func TestSQLiteConnectionsAreSet(t *testing.T) {
	opened, err := openSQLite(t.Context(), filepath.Join(t.TempDir(), "set.db"), false)
	if err != nil {
		t.Fatal(err)
	}
	e := opened.(*sqliteEngine)
	defer e.close()
	look := func(name string, q querier, want map[string]int) {
		t.Helper()
		for pragma, value := range want {
			var got int
			if err := q.QueryRowContext(t.Context(), `PRAGMA `+pragma).Scan(&got); err != nil || got != value {
				t.Errorf("law: %s has %s %d; it has %d (%v)", name, pragma, value, got, err)
			}
		}
	}
	look("the writer", e.writer.conn, map[string]int{"cache_size": -writerCache, "synchronous": 2, "foreign_keys": 1, "query_only": 0, "busy_timeout": 0})
	var all []*sql.Conn
	for range 4 {
		conn, err := e.read.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
		look("a reader", conn, map[string]int{"cache_size": -readerCache, "synchronous": 2, "foreign_keys": 1, "query_only": 1, "busy_timeout": 10000})
	}
	for _, conn := range all {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}
