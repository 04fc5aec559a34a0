package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

const (
	// typedRows is how many rows say of what type a column is.
	typedRows = 1000
	// sourceLife is how long an uploaded file waits for its import, and
	// uploadLife how long it may take to arrive.
	sourceLife = 7 * 24 * time.Hour
	uploadLife = 6 * time.Hour
	// writeTime is how long one piece of a file may take to be stored.
	writeTime = 5 * time.Second
)

// Upload keeps a file of comma-separated values for one import. It reads the
// file once and stores it piece by piece; whatever is wrong with the file as a
// whole is [core.CodeInvalid] or [core.CodeTooLarge], and leaves nothing behind.
// A single row that is broken is not: it fails when it is imported.
func (im *Imports) Upload(ctx context.Context, caller core.Caller, file io.Reader) (core.ImportSource, error) {
	source := core.ImportSource{ID: core.NewImportSourceID(), ExpiresAt: im.now().Add(uploadLife)}
	bound := im.store.As(caller)
	write := func(fn func(tx *store.Tx) error) error {
		ctx, cancel := context.WithTimeout(ctx, writeTime)
		defer cancel()
		return bound.Update(ctx, fn)
	}
	if err := write(func(tx *store.Tx) error { return tx.PutImportSource(source) }); err != nil {
		return source, err
	}
	chunks := &chunkWriter{most: im.limits.Size, put: func(number int64, chunk []byte) error {
		return write(func(tx *store.Tx) error { return tx.PutImportChunk(source.ID, number, chunk) })
	}}
	err := im.inspect(io.TeeReader(file, chunks), &source)
	if err == nil {
		err = chunks.flush()
	}
	if err == nil {
		source.Size, source.ExpiresAt = chunks.size, im.now().Add(sourceLife).Truncate(time.Microsecond)
		err = write(func(tx *store.Tx) error { return tx.FinishImportSource(source) })
	}
	if err == nil {
		return source, nil
	}
	// The client may be gone, and its file goes all the same. If that fails too,
	// it goes when its time is over.
	ctx = context.WithoutCancel(ctx)
	return source, errors.Join(err, write(func(tx *store.Tx) error { return tx.DropImportSource(source.ID) }))
}

// inspect reads a file to its end and notes what is in it.
func (im *Imports) inspect(file io.Reader, source *core.ImportSource) error {
	csv, err := newCSV(file)
	if err != nil {
		return err
	}
	types := make([]core.ColumnType, len(csv.heading))
	for {
		r, err := csv.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if r.long {
			return badFile(fmt.Sprintf("Row %d: %s", r.number, r.fault))
		}
		if source.Rows = r.number; source.Rows > im.limits.Rows {
			return core.Fail(core.CodeTooLarge, fmt.Sprintf("The file has more than %d rows.", im.limits.Rows))
		}
		if r.number <= typedRows {
			for i, value := range r.values {
				types[i].See(value)
			}
		}
	}
	for i, name := range csv.heading {
		source.Columns = append(source.Columns, core.ImportColumn{Name: name, Type: types[i].Type()})
	}
	return nil
}

// chunkWriter cuts what is written to it into pieces of one size.
type chunkWriter struct {
	most   int64
	size   int64
	number int64
	chunk  []byte
	put    func(number int64, chunk []byte) error
}

// Write implements [io.Writer].
func (w *chunkWriter) Write(p []byte) (int, error) {
	if w.size += int64(len(p)); w.size > w.most {
		return 0, core.Fail(core.CodeTooLarge, fmt.Sprintf("The file has more than %d MiB.", w.most>>20))
	}
	written := len(p)
	for len(p) > 0 {
		n := min(len(p), store.ChunkSize-len(w.chunk))
		w.chunk, p = append(w.chunk, p[:n]...), p[n:]
		if len(w.chunk) == store.ChunkSize {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

func (w *chunkWriter) flush() error {
	if len(w.chunk) == 0 {
		return nil
	}
	err := w.put(w.number, w.chunk)
	w.number, w.chunk = w.number+1, w.chunk[:0]
	return err
}

// chunkReader reads an uploaded file from a place in it.
type chunkReader struct {
	ctx    context.Context
	bound  store.Bound
	source core.ImportSource
	at     int64
	chunk  []byte // what of the last piece is left
}

// Read implements [io.Reader].
func (r *chunkReader) Read(p []byte) (int, error) {
	if r.at == r.source.Size {
		return 0, io.EOF
	}
	if len(r.chunk) == 0 {
		number, skip := r.at/store.ChunkSize, r.at%store.ChunkSize
		err := r.bound.View(r.ctx, func(tx *store.Tx) (err error) {
			r.chunk, err = tx.ImportChunk(r.source.ID, number)
			return err
		})
		if err != nil {
			return 0, err
		}
		if int64(len(r.chunk)) <= skip {
			return 0, fmt.Errorf("piece %d of the file %s is too short", number, r.source.ID)
		}
		r.chunk = r.chunk[skip:]
	}
	n := copy(p, r.chunk)
	r.chunk, r.at = r.chunk[n:], r.at+int64(n)
	return n, nil
}

// Forget takes back a file that no import has used.
func (im *Imports) Forget(ctx context.Context, caller core.Caller, id core.ImportSourceID) error {
	return im.store.As(caller).Update(ctx, func(tx *store.Tx) error { return tx.DropImportSource(id) })
}
