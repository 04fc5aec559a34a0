package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const importColumns = `id, name, source_id, file, mapping, dry, status, reason, position, successful, failed, skipped, created_at, updated_at`

// ImportClaim is an import in the hands of one worker.
type ImportClaim struct {
	core.Import
	Pool  core.PoolID
	Claim string // what the worker knows itself by
}

// CreateImport stores an import that nobody works on yet.
func (tx *Tx) CreateImport(i core.Import) error {
	mapping, err := json.Marshal(i.Mapping)
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		INSERT INTO user_imports (pool, id, name, name_key, source_id, file, mapping, dry, status, reason, position, successful, failed, skipped,
			claim, leased_until, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', '', 0, 0, 0, 0, '', 0, $9, $9)`,
		string(i.ID), i.Name, core.Fold(i.Name), string(i.Source), i.File, tx.store.keys.Seal(mapping, string(tx.pool), "import", string(i.ID)), i.Dry, micros(tx.now))
	return err
}

// Import returns the import with this id.
func (tx *Tx) Import(id core.ImportID) (core.Import, error) {
	i, err := tx.scanImport(tx.row(`SELECT `+importColumns+` FROM user_imports WHERE pool = $1 AND id = $2`, string(id)))
	return i, found(err, "import")
}

// ImportOfFile returns the newest import of a file in somebody's hands that has
// not ended.
func (tx *Tx) ImportOfFile(file string) (core.Import, error) {
	i, err := tx.scanImport(tx.row(`SELECT `+importColumns+` FROM user_imports WHERE pool = $1 AND source_id = '' AND file = $2 AND status = 'pending'
		ORDER BY created_at DESC, id DESC LIMIT 1`, file))
	return i, found(err, "import")
}

// ImportOf returns by which import a person came: "" for all others.
func (tx *Tx) ImportOf(id core.UserID) (core.ImportID, error) {
	var by core.ImportID
	err := tx.row(`SELECT import_id FROM users WHERE pool = $1 AND id = $2`, string(id)).Scan(&by)
	return by, found(err, "user")
}

// Imports returns a page of the imports, without those that store nobody, how
// many match in all, and the cursor of the next page (empty on the last one).
func (tx *Tx) Imports(q core.Query) (imports []core.Import, total int64, next string, err error) {
	next, err = tx.page(importList(), q, func(row scanner, extra ...any) error {
		i, err := tx.scanImport(row, extra...)
		imports = append(imports, i)
		return err
	})
	if err != nil {
		return nil, 0, "", err
	}
	total, err = tx.matching(importList(), q)
	return imports, total, next, err
}

// importList says what imports can be searched and sorted by.
func importList() list {
	return list{
		table: "imports", from: "(SELECT * FROM user_imports WHERE dry = FALSE) imports", columns: importColumns, order: "created_at",
		fields: map[string]field{
			"id":         {column: "id", kind: exactText},
			"name":       {column: "name_key", kind: foldedText},
			"created_at": {column: "created_at", kind: instant},
			"updated_at": {column: "updated_at", kind: instant},
		},
	}
}

// ClaimImport takes one import for the length of the lease. It returns false if
// somebody else has it, or it has ended.
func (tx *Tx) ClaimImport(id core.ImportID, claim string, until time.Time) (bool, error) {
	n, err := tx.exec(`UPDATE user_imports SET claim = $3, leased_until = $4 WHERE pool = $1 AND id = $2 AND status = 'pending' AND leased_until <= $5`,
		string(id), claim, micros(until), micros(tx.now))
	return n > 0, err
}

// ReleaseImport lets somebody else take an import at once, if it is in the
// hands of this worker.
func (tx *Tx) ReleaseImport(id core.ImportID, claim string) error {
	_, err := tx.exec(`UPDATE user_imports SET leased_until = 0 WHERE pool = $1 AND id = $2 AND claim = $3 AND status = 'pending'`, string(id), claim)
	return err
}

// ImportStep is what a worker has done since the step before.
type ImportStep struct {
	Claim    string
	From, To int64     // bytes of the file
	Until    time.Time // for how long the worker has it to itself
	Done     core.Import
	Details  []core.ImportDetail
	Spent    int64 // pieces of the file before this one are needed no more
}

// AdvanceImport adds to an import what a step has done: the counts of its Done,
// and its details. It returns [core.CodeConflict] for a worker that has lost
// its claim: another one has gone on from where it was, and whatever else this
// transaction did must not be.
func (tx *Tx) AdvanceImport(id core.ImportID, s ImportStep) error {
	var source string
	err := tx.row(`
		UPDATE user_imports SET position = $5, leased_until = $6, successful = successful + $7, failed = failed + $8, skipped = skipped + $9, updated_at = $10
		WHERE pool = $1 AND id = $2 AND status = 'pending' AND claim = $3 AND position = $4 RETURNING CASE WHEN dry THEN '' ELSE source_id END`,
		string(id), s.Claim, s.From, s.To, micros(s.Until), s.Done.Successful, s.Done.Failed, s.Done.Skipped, micros(tx.now)).Scan(&source)
	if errors.Is(err, sql.ErrNoRows) {
		return core.Fail(core.CodeConflict, "Somebody else works on this import now.")
	}
	if err != nil {
		return err
	}
	own := make([][]any, 0, len(s.Details))
	for _, d := range s.Details {
		own = append(own, []any{string(d.Outcome), d.Row, string(d.User), d.Reason})
	}
	err = tx.insertRows(`INSERT INTO import_details (pool, import_id, created_at, outcome, number, user_id, reason) VALUES `, ``, []any{string(id), micros(tx.now)}, own, nil)
	if err != nil || source == "" || s.Spent == 0 {
		return err
	}
	_, err = tx.exec(`DELETE FROM import_chunks WHERE pool = $1 AND source_id = $2 AND number < $3`, source, s.Spent)
	return err
}

// RestartImport lets a worker begin an import that stores nobody from the start.
func (tx *Tx) RestartImport(id core.ImportID, claim string) error {
	n, err := tx.exec(`UPDATE user_imports SET position = 0, successful = 0, failed = 0, skipped = 0
		WHERE pool = $1 AND id = $2 AND claim = $3 AND status = 'pending' AND dry = TRUE`, string(id), claim)
	if err != nil {
		return err
	}
	if n == 0 {
		return core.Fail(core.CodeConflict, "Somebody else works on this import now.")
	}
	_, err = tx.exec(`DELETE FROM import_details WHERE pool = $1 AND import_id = $2`, string(id))
	return err
}

// EndImport ends an import, and forgets its file if it has stored anybody of
// it. It returns false for one that this worker has not in hand.
func (tx *Tx) EndImport(id core.ImportID, claim string, status core.ImportStatus, reason string) (bool, error) {
	var source string
	err := tx.row(`
		UPDATE user_imports SET status = $4, reason = $5, leased_until = 0, updated_at = $6
		WHERE pool = $1 AND id = $2 AND claim = $3 AND status = 'pending' RETURNING CASE WHEN dry THEN '' ELSE source_id END`,
		string(id), claim, string(status), reason, micros(tx.now)).Scan(&source)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil || source == "":
		return err == nil, err
	}
	return true, tx.DropImportSource(core.ImportSourceID(source))
}

// ImportDetails returns what became of the rows of an import with these
// outcomes, in the file's order.
func (tx *Tx) ImportDetails(id core.ImportID, outcome core.ImportOutcome) ([]core.ImportDetail, error) {
	var all []core.ImportDetail
	err := tx.rows(func(row scanner) error {
		var d core.ImportDetail
		var at int64
		err := row.Scan(&d.Outcome, &d.Row, &d.User, &d.Reason, &at)
		d.At = moment(at)
		all = append(all, d)
		return err
	}, `SELECT outcome, number, user_id, reason, created_at FROM import_details WHERE pool = $1 AND import_id = $2 AND outcome = $3 ORDER BY number`, string(id), string(outcome))
	return all, err
}

func (tx *Tx) scanImport(row scanner, extra ...any) (core.Import, error) {
	i, sealed, err := scanImport(row, extra...)
	if err != nil {
		return core.Import{}, err
	}
	return i, tx.store.openMapping(&i, tx.pool, sealed)
}

func scanImport(row scanner, extra ...any) (i core.Import, sealed []byte, err error) {
	var created, updated int64
	err = row.Scan(append([]any{&i.ID, &i.Name, &i.Source, &i.File, &sealed, &i.Dry, &i.Status, &i.Reason, &i.Position, &i.Successful, &i.Failed, &i.Skipped, &created, &updated}, extra...)...)
	i.CreatedAt, i.UpdatedAt = moment(created), moment(updated)
	return i, sealed, err
}

// openMapping reads the mapping, which may hold the key of password hashes.
func (s *Store) openMapping(i *core.Import, pool core.PoolID, sealed []byte) error {
	plain, err := s.keys.Open(sealed, string(pool), "import", string(i.ID))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, &i.Mapping)
}

// importDue is what holds for an import that somebody could work on at a time.
const importDue = `status = 'pending' AND leased_until <= $1 AND source_id <> ''`

// ClaimImport takes the import of an uploaded file that has waited the longest,
// in any pool, for the length of the lease. It returns false if there is none.
func (a Across) ClaimImport(ctx context.Context, claim string, lease time.Duration) (ImportClaim, bool, error) {
	at := a.store.now()
	c := ImportClaim{Claim: claim}
	var waiting bool
	// Most of the time there is none, and looking writes nothing.
	err := a.q().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM user_imports WHERE `+importDue+`)`, micros(at)).Scan(&waiting)
	if err != nil || !waiting {
		return c, false, a.failed(err)
	}
	var sealed []byte
	err = a.store.engine.update(ctx, func(ctx context.Context, q querier) (err error) {
		c.Import, sealed, err = scanImport(q.QueryRowContext(ctx, `
			UPDATE user_imports SET claim = $2, leased_until = $3
			WHERE `+importDue+` AND (pool, id) IN (SELECT pool, id FROM user_imports WHERE `+importDue+` ORDER BY created_at LIMIT 1)
			RETURNING `+importColumns+`, pool`, micros(at), claim, micros(at.Add(lease))), &c.Pool)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, a.failed(err)
	}
	return c, true, a.store.openMapping(&c.Import, c.Pool, sealed)
}
