package store

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// ChunkSize is how many bytes of an uploaded file stand in one row. The last
// chunk of a file may have fewer.
const ChunkSize = 256 << 10

// mostSources is how many uploaded files a pool has at once.
const mostSources = 20

const sourceColumns = `id, columns, size, people, expires_at`

// PutImportSource begins a file that is being uploaded: it can be used when
// [Tx.FinishImportSource] has been called. It returns [core.CodeTooMany] for a
// pool with very many files.
func (tx *Tx) PutImportSource(s core.ImportSource) error {
	n, err := tx.exec(`
		INSERT INTO import_sources (pool, id, columns, size, people, ready, import_id, created_at, expires_at)
		SELECT $1, $2, '[]', 0, 0, FALSE, '', CAST($3 AS BIGINT), CAST($4 AS BIGINT)
		WHERE (SELECT COUNT(*) FROM import_sources WHERE pool = $1 AND expires_at > $3) < $5`,
		string(s.ID), micros(tx.now), micros(s.ExpiresAt), int64(mostSources))
	if err == nil && n == 0 {
		err = &core.Error{Code: core.CodeTooMany, Detail: "The pool has 20 uploaded files that no import has used up: use them, or wait until they are forgotten.", RetryAfter: time.Hour}
	}
	return err
}

// PutImportChunk stores a piece of a file: the number is from 0.
func (tx *Tx) PutImportChunk(id core.ImportSourceID, number int64, plain []byte) error {
	sealed := tx.store.keys.Seal(plain, string(tx.pool), "import chunk", string(id), strconv.FormatInt(number, 10))
	_, err := tx.exec(`INSERT INTO import_chunks (pool, source_id, number, sealed) VALUES ($1, $2, $3, $4)`, string(id), number, sealed)
	return err
}

// FinishImportSource says what is in a file that has arrived to its end.
func (tx *Tx) FinishImportSource(s core.ImportSource) error {
	columns, err := json.Marshal(s.Columns)
	if err != nil {
		return err
	}
	n, err := tx.exec(`UPDATE import_sources SET columns = $3, size = $4, people = $5, ready = TRUE, expires_at = $6 WHERE pool = $1 AND id = $2 AND ready = FALSE`,
		string(s.ID), string(columns), s.Size, s.Rows, micros(s.ExpiresAt))
	if err == nil && n == 0 {
		err = core.Fail(core.CodeNotFound, "There is no such upload under way.")
	}
	return err
}

// ImportSource returns a file that has arrived, whether an import uses it or
// not.
func (tx *Tx) ImportSource(id core.ImportSourceID) (core.ImportSource, error) {
	s, err := scanSource(tx.row(`SELECT `+sourceColumns+` FROM import_sources WHERE pool = $1 AND id = $2 AND ready = TRUE AND expires_at > $3`,
		string(id), micros(tx.now)))
	return s, found(err, "uploaded file")
}

// UseImportSource gives a file to one import. It returns [core.CodeNotFound]
// where there is none, or another import has it.
func (tx *Tx) UseImportSource(id core.ImportSourceID, by core.ImportID) (core.ImportSource, error) {
	s, err := scanSource(tx.row(`
		UPDATE import_sources SET import_id = $3 WHERE pool = $1 AND id = $2 AND ready = TRUE AND import_id = '' AND expires_at > $4
		RETURNING `+sourceColumns, string(id), string(by), micros(tx.now)))
	return s, found(err, "uploaded file")
}

// ImportChunk returns a piece of a file. It returns [core.CodeNotFound] where
// there is none.
func (tx *Tx) ImportChunk(id core.ImportSourceID, number int64) ([]byte, error) {
	var sealed []byte
	err := tx.row(`SELECT sealed FROM import_chunks WHERE pool = $1 AND source_id = $2 AND number = $3`, string(id), number).Scan(&sealed)
	if err != nil {
		return nil, found(err, "piece of an uploaded file")
	}
	return tx.store.keys.Open(sealed, string(tx.pool), "import chunk", string(id), strconv.FormatInt(number, 10))
}

// DropImportSource forgets a file. Its pieces go a few at a time, by and by.
func (tx *Tx) DropImportSource(id core.ImportSourceID) error {
	_, err := tx.exec(`UPDATE import_sources SET expires_at = 0 WHERE pool = $1 AND id = $2`, string(id))
	return err
}

func scanSource(row scanner) (core.ImportSource, error) {
	var s core.ImportSource
	var columns string
	var expires int64
	if err := row.Scan(&s.ID, &columns, &s.Size, &s.Rows, &expires); err != nil {
		return core.ImportSource{}, err
	}
	s.ExpiresAt = moment(expires)
	return s, json.Unmarshal([]byte(columns), &s.Columns)
}

// chunksAtOnce is how many pieces of files one transaction deletes.
const chunksAtOnce = 32

// sourceOver is what holds for a file that nobody will read again.
const sourceOver = `s.expires_at < $1 AND NOT EXISTS (SELECT 1 FROM user_imports i WHERE i.pool = s.pool AND i.id = s.import_id AND i.status = 'pending')`

// sweepImportSources deletes at most n pieces of files whose time is over, and
// then the files. One that an import works on stays.
func (a Across) sweepImportSources(ctx context.Context, n int) (int64, error) {
	var total int64
	for _, p := range []struct {
		statement string
		most      int
	}{
		{`DELETE FROM import_chunks WHERE (pool, source_id, number) IN (SELECT c.pool, c.source_id, c.number FROM import_sources s
			JOIN import_chunks c ON c.pool = s.pool AND c.source_id = s.id WHERE ` + sourceOver + ` LIMIT $2)`, chunksAtOnce},
		{`DELETE FROM import_sources WHERE (pool, id) IN (SELECT s.pool, s.id FROM import_sources s WHERE ` + sourceOver + `
			AND NOT EXISTS (SELECT 1 FROM import_chunks c WHERE c.pool = s.pool AND c.source_id = s.id) LIMIT $2)`, n},
	} {
		for gone := int64(p.most); gone == int64(p.most) && total < int64(n); {
			err := a.store.engine.update(ctx, func(ctx context.Context, q querier) error {
				result, err := q.ExecContext(ctx, p.statement, micros(a.store.now()), p.most)
				if err != nil {
					return err
				}
				gone, err = result.RowsAffected()
				return err
			})
			if err != nil {
				return total, err
			}
			total += gone
		}
	}
	return total, nil
}
