package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lastUnruled is the newest step that is older than the rule.
const lastUnruled = "0010_audit_chain.sql"

// TestMigrationsOnlyExpand keeps a program of the release before working beside
// this one, on this one's schema: see CONTRIBUTING.md. A step that takes away
// what no supported release uses any longer says so in a line of its own that
// begins with "-- contract:".
func TestMigrationsOnlyExpand(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) < 8 {
		t.Fatalf("there are no migrations: %v (%v)", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) <= lastUnruled {
			continue
		}
		for _, wrong := range contracting(string(text)) {
			t.Errorf("law: a step of the schema lets the release before go on; %s: %s", file, wrong)
		}
	}
}

// TestWhatContracts keeps the rule itself from passing everything.
func TestWhatContracts(t *testing.T) {
	for statement, contracts := range map[string]bool{
		"DROP TABLE users": true, "DROP INDEX users_by_name": false, "ALTER TABLE users DROP COLUMN email": true, "alter table users rename column email to mail": true,
		"ALTER TABLE users RENAME TO people": true, "ALTER TABLE users ADD COLUMN x TEXT NOT NULL": true, "ALTER TABLE users ADD x BIGINT NOT NULL": true,
		"ALTER TABLE users ADD COLUMN x TEXT NOT NULL DEFAULT ''": false, "ALTER TABLE users ADD COLUMN x BIGINT": false,
		"ALTER TABLE users ADD COLUMN x TEXT NOT NULL DEFAULT '', ADD COLUMN y TEXT NOT NULL": true,
		"ALTER TABLE users ALTER COLUMN x SET NOT NULL":                                       true, "ALTER TABLE users ALTER x TYPE TEXT": true, "ALTER TABLE users ADD CONSTRAINT c CHECK (x > 0)": true,
		"CREATE UNIQUE INDEX i ON users (x)": true, "CREATE TABLE fresh (x TEXT);\nCREATE UNIQUE INDEX i ON fresh (x)": false,
		"CREATE TABLE dropped (renamed TEXT NOT NULL, PRIMARY KEY (renamed))": false, "CREATE INDEX i ON users (x)": false, "UPDATE users SET x = 'DROP TABLE users'": false,
	} {
		for up, want := range map[string]bool{
			"-- DROP TABLE in words\n-- +goose Up\n" + statement + ";\n-- +goose Down\nDROP TABLE a;\nALTER TABLE b DROP COLUMN c;": contracts,
			"-- +goose Up\n-- contract: no release since 1.4 uses it.\n" + statement + ";\n":                                        false,
		} {
			if got := contracting(up); (len(got) > 0) != want {
				t.Errorf("law: what the release before cannot go on with is told from what it can; of %q is said %v", up, got)
			}
		}
	}
}

// contracting returns the statements of a step's way up which a program that
// does not know the step may not survive. A step that is marked has none.
func contracting(step string) (wrong []string) {
	if regexp.MustCompile(`(?m)^-- contract: \S`).MatchString(step) {
		return nil
	}
	step, _, _ = strings.Cut(step, "-- +goose Down")
	step = regexp.MustCompile(`--[^\n]*`).ReplaceAllString(step, "")
	step = regexp.MustCompile(`'[^']*'`).ReplaceAllString(step, "''")
	for statement := range strings.SplitSeq(strings.ToUpper(step), ";") {
		statement = strings.Join(strings.Fields(statement), " ")
		switch {
		case strings.HasPrefix(statement, "CREATE UNIQUE INDEX"): // it may refuse what the release before writes
			_, table, _ := strings.Cut(statement, " ON ")
			table, _, _ = strings.Cut(table, " ")
			if !regexp.MustCompile(`\bCREATE TABLE ` + regexp.QuoteMeta(table) + `\b`).MatchString(strings.ToUpper(step)) {
				wrong = append(wrong, statement)
			}
		case strings.HasPrefix(statement, "DROP INDEX"): // slower, and right
		case strings.HasPrefix(statement, "DROP "):
			wrong = append(wrong, statement)
		case strings.HasPrefix(statement, "ALTER TABLE"):
			for part := range strings.SplitSeq(statement, ",") {
				bad := regexp.MustCompile(`\b(DROP|RENAME|SET NOT NULL|TYPE|ADD (CONSTRAINT|CHECK|UNIQUE|FOREIGN|PRIMARY|EXCLUDE))\b`).MatchString(part)
				if bad || strings.Contains(part, "NOT NULL") && !strings.Contains(part, "DEFAULT") {
					wrong = append(wrong, statement)
					break
				}
			}
		}
	}
	return wrong
}
