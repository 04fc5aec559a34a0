package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// FileFormat says how a file of people is written.
type FileFormat string

// The formats.
const (
	FormatCSV  FileFormat = "csv"   // with a line that names the columns
	FormatJSON FileFormat = "jsonl" // an object on each line
)

// FileImport is an import of a file in somebody's hands.
type FileImport struct {
	Name   string
	Format FileFormat
	// Mapping says what the columns are. Without fields, those count that are
	// called like one, such as email or profile.first_name.
	Mapping core.ImportMapping
	Dry     bool // find out what would become of each row, and store nobody
	// Resume goes on with an import of the same file that was cut off, with the
	// mapping that it began with.
	Resume bool
	// Begun is told how an import begins: from its beginning, or from where it
	// was cut off. Nil: nobody is told.
	Begun func(core.Import)
	// Tell is told after each step how far it is. Nil: nobody is told.
	Tell func(core.Import)
}

// fileRest is how long somebody who imports a file rests after a step, beside how
// long the step took: long enough for a server on the same SQLite to write.
const fileRest = 0.1

// ImportFile brings people over out of a file, whose size is in bytes. If ctx
// ends it lets go of the import, which can be resumed from there.
func (im *Imports) ImportFile(ctx context.Context, caller core.Caller, file io.ReadSeeker, size int64, f FileImport) (core.Import, error) {
	known, err := fingerprint(file, size, f.Format)
	if err != nil {
		return core.Import{}, err
	}
	columns, err := columnsIn(file, f.Format)
	if err != nil {
		return core.Import{}, err
	}
	r := &importRun{im: im, bound: im.store.As(caller), claim: secret.Random(), rest: fileRest, tell: f.Tell}
	if f.Resume {
		err = r.bound.View(ctx, func(tx *store.Tx) (err error) {
			r.job, err = tx.ImportOfFile(known)
			return err
		})
		if core.Is(err, core.CodeNotFound) {
			err = core.Fail(core.CodeNotFound, "There is no import of this very file that was cut off.")
		}
	} else {
		r.job = core.Import{ID: core.NewImportID(), Name: f.Name, File: known, Mapping: f.Mapping, Dry: f.Dry, Status: core.ImportPending}
		err = r.write(ctx, func(tx *store.Tx) error { return im.beginFile(tx, &r.job, columns) })
	}
	if err != nil {
		return r.job, err
	}
	if err := r.claims(ctx); err != nil {
		return r.job, err
	}
	if f.Begun != nil {
		f.Begun(r.job)
	}
	open := func(at, number int64) (rows, error) {
		if _, err := file.Seek(at, io.SeekStart); err != nil {
			return nil, err
		}
		if f.Format == FormatJSON {
			return jsonFrom(file, columns, at, number), nil
		}
		return csvFrom(file, columns, at, number), nil
	}
	err = r.guarded(ctx, func() error { return r.all(ctx, columns, open) })
	if err != nil {
		// It can be resumed at once.
		err = errors.Join(err, r.write(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.ReleaseImport(r.job.ID, r.claim) }))
		return r.job, err
	}
	job, _, err := im.Get(ctx, caller, r.job.ID)
	return job, err
}

// beginFile stores an import of a file with these columns.
func (im *Imports) beginFile(tx *store.Tx, job *core.Import, columns []string) error {
	pool, err := tx.Pool()
	if err != nil {
		return err
	}
	if len(job.Mapping.Fields) == 0 {
		job.Mapping.Fields = core.MappedByName(columns, pool.Settings)
	}
	typed := make([]core.ImportColumn, 0, len(columns))
	for _, name := range columns {
		typed = append(typed, core.ImportColumn{Name: name})
	}
	if problems := job.Mapping.Check(typed, pool.Settings); len(problems) > 0 {
		return core.Invalid(problems...)
	}
	return im.begin(tx, *job)
}

// claims takes the import. Somebody who was cut off without a word has it for as
// long as a lease, which is waited for.
func (r *importRun) claims(ctx context.Context) error {
	const look = 500 * time.Millisecond
	for end := time.Now().Add(importLease + look); ; {
		var ok bool
		err := r.write(ctx, func(tx *store.Tx) (err error) {
			ok, err = tx.ClaimImport(r.job.ID, r.claim, tx.Now().Add(importLease))
			return err
		})
		if err != nil || ok {
			return err
		}
		if time.Now().After(end) {
			return core.Fail(core.CodeConflict, "Somebody else is working on this import.")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(look):
		}
	}
}

// headSize is how much of the beginning of a file it is known by.
const headSize = 1 << 20

// fingerprint is what a file is known by: its format, its size, and its
// beginning.
func fingerprint(file io.ReadSeeker, size int64, format FileFormat) (string, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %d\n", format, size) // a hash takes everything
	if _, err := io.Copy(sum, io.LimitReader(file, headSize)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// columnsIn are the names of a file's columns.
func columnsIn(file io.ReadSeeker, format FileFormat) ([]string, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if format == FormatJSON {
		return newJSON(file)
	}
	csv, err := newCSV(file)
	if err != nil {
		return nil, err
	}
	return csv.heading, nil
}
