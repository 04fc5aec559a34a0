package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrSchema is returned when the database's schema is older or newer than the
// program.
var ErrSchema = errors.New("the database's schema does not fit this program")

// Migration is one step of the schema.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// Migrate brings the schema of a database up to date under a lock, so that of
// several nodes that start at once one does it and the others wait. It returns
// the steps that it applied.
func Migrate(ctx context.Context, database string) ([]Migration, error) {
	var done []Migration
	err := withProvider(ctx, database, func(p *goose.Provider) error {
		results, err := up(ctx, p)
		for _, r := range results {
			done = append(done, Migration{r.Source.Version, r.Source.Path, true})
		}
		return err
	})
	return done, err
}

const (
	// lockTime is how long a step waits for a table on PostgreSQL. Whoever comes
	// after the step queues behind it, so it is the longest that a running node
	// is held up by a step that has to wait for somebody else's transaction.
	lockTime = "200ms"
	// lockTries is how often a step is tried, and lockPause the longest pause
	// in between.
	lockTries = 60
	lockPause = 2 * time.Second
)

// up takes the steps that are missing. One that gets no hold of its table is
// given up, with all that it did, and tried again.
func up(ctx context.Context, p *goose.Provider) (done []*goose.MigrationResult, err error) {
	for try := 1; ; try++ {
		results, err := p.Up(ctx)
		if partial, ok := errors.AsType[*goose.PartialError](err); ok {
			results = partial.Applied
		}
		done = append(done, results...)
		fault, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || fault.Code != "55P03" { // lock not available
			return done, err
		}
		if try == lockTries {
			return done, fmt.Errorf("a transaction that does not end keeps a table from being changed; look for it in pg_stat_activity: %w", err)
		}
		select {
		case <-ctx.Done():
			return done, errors.Join(ctx.Err(), err)
		case <-time.After(lockPause/4 + anyPart(lockPause*3/4)):
		}
	}
}

// Migrations returns every step and whether the database has it.
func Migrations(ctx context.Context, database string) ([]Migration, error) {
	var all []Migration
	err := withProvider(ctx, database, func(p *goose.Provider) error {
		steps, err := p.Status(ctx)
		for _, s := range steps {
			all = append(all, Migration{s.Source.Version, s.Source.Path, s.State == goose.StateApplied})
		}
		return err
	})
	return all, err
}

// migrateTo takes the steps up to one of them.
func migrateTo(ctx context.Context, database string, step int64) error {
	return withProvider(ctx, database, func(p *goose.Provider) error {
		_, err := p.UpTo(ctx, step)
		return err
	})
}

// appliedStep is the newest step that a database has of those that the program
// knows; 0 for none.
func appliedStep(ctx context.Context, database string) (newest int64, err error) {
	steps, err := Migrations(ctx, database)
	for _, s := range steps {
		if s.Applied {
			newest = max(newest, s.Version)
		}
	}
	return newest, err
}

// newestStep is the newest step that the program knows.
func newestStep() (newest int64) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range names {
		var step int64
		step, err = goose.NumericComponent(name)
		newest = max(newest, step)
	}
	if err != nil || newest == 0 {
		panic(fmt.Sprintf("the steps of the schema are not in the program: %v", err)) // they are embedded
	}
	return newest
}

// CheckSchema returns [ErrSchema] unless the database has every step. Steps that
// this program does not know are no fault: an upgrade is under way, or was
// taken back.
func CheckSchema(ctx context.Context, database string) error {
	steps, err := Migrations(ctx, database)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if !s.Applied {
			return fmt.Errorf("%w: %s is not applied", ErrSchema, s.Name)
		}
	}
	return nil
}

// migrationLock is the number of the advisory lock that nodes agree on.
const migrationLock = 0x67617465686f7573

func withProvider(ctx context.Context, database string, use func(*goose.Provider) error) error {
	path, isSQLite := strings.CutPrefix(database, "sqlite:")
	if isSQLite {
		return sqliteProvider(ctx, path, use)
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		return fmt.Errorf("cannot read the database URL: %w", err)
	}
	config.RuntimeParams["lock_timeout"] = lockTime
	db := stdlib.OpenDB(*config)
	defer db.Close()
	// The lock spans the steps and what they need before. It belongs to the
	// connection, and so ends with it whatever happens.
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("cannot reach the database: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `SET lock_timeout = 0`); err != nil {
		return fmt.Errorf("cannot prepare the database: %w", err)
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, migrationLock); err != nil {
		return fmt.Errorf("cannot lock the database: %w", err)
	}
	// The collation by bytes has one name on both engines: SQLite calls it
	// binary by itself.
	if _, err := conn.ExecContext(ctx, `CREATE COLLATION IF NOT EXISTS "binary" FROM "C"`); err != nil {
		return fmt.Errorf("cannot prepare the database: %w", err)
	}
	return provide(db, goose.DialectPostgres, strings.NewReplacer(), use)
}

func sqliteProvider(ctx context.Context, path string, use func(*goose.Provider) error) error {
	e, err := openSQLite(ctx, path, false)
	if err != nil {
		return err
	}
	if err := e.close(); err != nil {
		return err
	}
	// SQLite has no lock that spans the steps, the file system has.
	file, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("cannot lock the database: %w", err)
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("cannot lock the database: %w", err)
	}
	db, err := sql.Open("sqlite", sqliteDSN(path, false, writerCache))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	return provide(db, goose.DialectSQLite3, strings.NewReplacer(
		"BIGSERIAL PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT", // how a column counts up by itself
		"/* WITHOUT ROWID */", "WITHOUT ROWID", // sqlite.org/withoutrowid.html: for rows of some hundred bytes
	), use)
}

func provide(db *sql.DB, kind goose.Dialect, words *strings.Replacer, use func(*goose.Provider) error) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(kind, db, dialect{files, words})
	if err != nil {
		return err
	}
	return use(p)
}

// dialect is the migrations with the words exchanged that the engines do not
// share.
type dialect struct {
	fs.FS
	words *strings.Replacer
}

// ReadFile implements [fs.ReadFileFS].
func (d dialect) ReadFile(name string) ([]byte, error) {
	text, err := fs.ReadFile(d.FS, name)
	return []byte(d.words.Replace(string(text))), err
}

// Open implements [fs.FS].
func (d dialect) Open(name string) (fs.File, error) {
	file, err := d.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := d.ReadFile(name)
	return &dialectFile{File: file, Reader: bytes.NewReader(text)}, err
}

type dialectFile struct {
	fs.File
	*bytes.Reader
}

// Read reads the exchanged text.
func (f *dialectFile) Read(p []byte) (int, error) { return f.Reader.Read(p) }
