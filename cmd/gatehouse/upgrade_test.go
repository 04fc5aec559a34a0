package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// before is the commit that this program must be able to run beside: until
// there are releases, the end of what came before the rule for migrations.
const before = "456852f50d2e4d0ff93007d4ea587a97e1cd647a"

// expand is a step of the schema as a release may bring it: see CONTRIBUTING.md.
const expand = `-- +goose Up

ALTER TABLE users ADD COLUMN expanded TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN expanded BIGINT;
CREATE TABLE expanded (
    pool TEXT COLLATE "binary" NOT NULL,
    id   TEXT COLLATE "binary" NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE INDEX users_by_expanded ON users (pool, expanded);

-- +goose Down

DROP INDEX users_by_expanded;
DROP TABLE expanded;
ALTER TABLE sessions DROP COLUMN expanded;
ALTER TABLE users DROP COLUMN expanded;
`

// buildBefore builds the program as it was.
func buildBefore(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("../../.git"); errors.Is(err, fs.ErrNotExist) {
		t.Skip("this is no clone of the repository: the program before is built from its history")
	}
	if err := exec.CommandContext(t.Context(), "git", "cat-file", "-e", before+"^{commit}").Run(); err != nil {
		t.Fatalf("the history does not reach back to %s, from which the program before is built: `git fetch --unshallow` gets it", before)
	}
	folder := t.TempDir()
	archive := exec.CommandContext(t.Context(), "git", "-C", "../..", "archive", before)
	unpack := exec.CommandContext(t.Context(), "tar", "-x", "-C", folder)
	out, err := archive.Output()
	if err != nil {
		t.Fatalf("reading the history: %v", err)
	}
	unpack.Stdin = bytes.NewReader(out)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpacking: %v\n%s", err, out)
	}
	return build(t, folder)
}

// buildNext builds the program with one more step of the schema.
func buildNext(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	step, overlay := filepath.Join(folder, "step.sql"), filepath.Join(folder, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "internal/store/migrations/9001_expand.sql"): step}})
	if err := errors.Join(err, os.WriteFile(step, []byte(expand), 0o600), os.WriteFile(overlay, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	return build(t, root, "-overlay", overlay)
}

func build(t *testing.T, folder string, flags ...string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gatehouse")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-buildvcs=false"}, flags...), "-o", binary, "./cmd/gatehouse")...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	return binary
}

// TestRollingUpgrade replaces the program before by this one, with one more step
// of the schema, under load: nothing is refused or fails, while each request of
// a sign-in goes to another program, and while the schema changes beneath the
// older one. The older one also starts on the newer schema: that is the way back.
func TestRollingUpgrade(t *testing.T) {
	database := storetest.Postgres(t)
	older, newer := buildBefore(t), buildNext(t)
	f := newFleet(t, older, database, 2, quick()...)
	l := newLoad(t, f.killed)
	l.begin(2, 4)
	goesOn := func(what string) {
		t.Helper()
		writes, entries, checks := l.writes.Load(), l.entries.Load(), l.checks.Load()
		reach(t, what, func() bool {
			return l.writes.Load() > writes+60 && l.entries.Load() > entries+12 && l.checks.Load() > checks+60
		})
	}
	goesOn("the programs before work")

	f.line(t, newer, "migrate", "up")
	db := storetest.Raw(t, database)
	if _, err := db.ExecContext(t.Context(), `SELECT expanded FROM users LIMIT 1`); err != nil {
		t.Fatalf("the schema did not change: %v", err)
	}
	goesOn("the programs before go on with the newer schema")

	// One by one: out of the balancer, stopped, replaced. Now each step of a
	// sign-in is done by another program than the one before it.
	f.env = append(f.env, "GATEHOUSE_DRAIN_DELAY=1")
	replace := func(s *server, by string) *server {
		t.Helper()
		f.balancer.take(t, s)
		s.stop(t)
		f.balancer.drop(s)
		return f.join(t, by)
	}
	first := replace(f.nodes[0], newer)
	goesOn("both programs work side by side")
	back := replace(f.nodes[1], older)
	goesOn("the program before starts on the newer schema")

	// This program can be stopped without taking it out by hand.
	first.stop(t)
	f.balancer.drop(first)
	goesOn("the program before goes on alone: the way back")
	f.join(t, newer)
	replace(back, newer)
	goesOn("the newer program goes on alone")
	l.end()

	l.report(t, "an upgrade is noticed by nobody")
	if len(l.refused) > 0 {
		t.Errorf("law: an upgrade is noticed by nobody; refused by status: %v", l.refused)
	}
	for _, own := range f.balancer.backends {
		if own.failed > 0 || own.had == 0 {
			t.Errorf("law: every server does its share and fails in none of it; one had %d and failed %d", own.had, own.failed)
		}
	}
	f.audit(t)
	l.counted(t)
	t.Logf("%d people, %d sign-ins and %d checks, 0 refused", len(f.acknowledged), l.entries.Load(), l.checks.Load())
}
