package directory

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Imports brings people over from elsewhere.
type Imports struct {
	store  *store.Store
	log    *slog.Logger
	limits ImportLimits
	poke   chan struct{} // something waits to be worked on
	// rest is how long the worker rests after a step, beside how long the step
	// took: others want the database too.
	rest float64
}

// ImportLimits bound what is taken.
type ImportLimits struct {
	Size int64 // bytes of a file that is uploaded
	Rows int64 // of a file
}

// DefaultImportLimits are those where nobody says otherwise.
func DefaultImportLimits() ImportLimits { return ImportLimits{Size: 1 << 30, Rows: 10_000_000} }

// NewImports makes what brings people over. Uploaded files wait until somebody
// calls [Imports.Run].
func NewImports(st *store.Store, limits ImportLimits, log *slog.Logger) *Imports {
	return &Imports{store: st, log: log, limits: limits, poke: make(chan struct{}, 1), rest: 0.15}
}

func (im *Imports) now() time.Time { return time.Now().UTC() }

// NewImport is what an import is made from.
type NewImport struct {
	Name    string
	Source  core.ImportSourceID
	Mapping core.ImportMapping
	Dry     bool // find out what would become of each row, and store nobody
}

// maxImportName is how long an import's name may be, in bytes.
const maxImportName = 128

// Start puts an import in line, which uses its file up unless it is dry. It
// returns [core.CodeInvalid], with pointers such as /mapping/0/column, for what
// cannot be done, and for a file that is not there or used up.
func (im *Imports) Start(ctx context.Context, caller core.Caller, n NewImport) (core.Import, error) {
	job := core.Import{ID: core.NewImportID(), Name: n.Name, Source: n.Source, Mapping: n.Mapping, Dry: n.Dry, Status: core.ImportPending}
	if len(n.Name) > maxImportName {
		return job, core.Invalid(core.Problem{Code: core.ProblemTooLong, Pointer: "/name", Detail: "A name has at most 128 bytes."})
	}
	err := im.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		source, err := tx.ImportSource(n.Source)
		if err == nil && !n.Dry {
			source, err = tx.UseImportSource(n.Source, job.ID)
		}
		if core.Is(err, core.CodeNotFound) {
			return core.Invalid(core.Problem{Code: core.ProblemNotThere, Pointer: "/source", Detail: "There is no such file, or an import has used it up."})
		}
		if err != nil {
			return err
		}
		pool, err := tx.Pool()
		if err != nil {
			return err
		}
		if problems := n.Mapping.Check(source.Columns, pool.Settings); len(problems) > 0 {
			for i := range problems {
				problems[i].Pointer = "/mapping" + problems[i].Pointer
			}
			return core.Invalid(problems...)
		}
		job.CreatedAt, job.UpdatedAt = tx.Now(), tx.Now()
		return im.begin(tx, job)
	})
	if err == nil {
		select {
		case im.poke <- struct{}{}:
		default:
		}
	}
	return job, err
}

// begin stores an import and tells of it.
func (im *Imports) begin(tx *store.Tx, job core.Import) error {
	if err := tx.CreateImport(job); err != nil || job.Dry {
		return err
	}
	return tx.Record(core.Event{Name: core.EventImportStarted, Target: string(job.ID)})
}

// Get returns an import, and of what became of its rows the details with these
// outcomes. It returns [core.CodeNotFound] for none.
func (im *Imports) Get(ctx context.Context, caller core.Caller, id core.ImportID, outcomes ...core.ImportOutcome) (job core.Import, details []core.ImportDetail, err error) {
	err = im.store.As(caller).View(ctx, func(tx *store.Tx) error {
		if job, err = tx.Import(id); err != nil {
			return err
		}
		for _, outcome := range outcomes {
			more, err := tx.ImportDetails(id, outcome)
			if err != nil {
				return err
			}
			details = append(details, more...)
		}
		slices.SortStableFunc(details, func(a, b core.ImportDetail) int { return int(a.Row - b.Row) })
		return nil
	})
	return job, details, err
}

// List returns a page of the imports, how many match in all, and the cursor of
// the next page ("" on the last).
func (im *Imports) List(ctx context.Context, caller core.Caller, q core.Query) (imports []core.Import, total int64, next string, err error) {
	err = im.store.As(caller).View(ctx, func(tx *store.Tx) error {
		imports, total, next, err = tx.Imports(q)
		return err
	})
	return imports, total, next, err
}

// Wait returns an import once it has ended, or as it is when the time is over.
func (im *Imports) Wait(ctx context.Context, caller core.Caller, id core.ImportID, most time.Duration) (core.Import, error) {
	const firstLook, longestLook = 20 * time.Millisecond, 500 * time.Millisecond
	end := time.Now().Add(most)
	for pause := firstLook; ; pause = min(2*pause, longestLook) {
		job, _, err := im.Get(ctx, caller, id)
		left := time.Until(end)
		if err != nil || job.Status != core.ImportPending || left <= 0 {
			return job, err
		}
		select {
		case <-ctx.Done():
			return job, ctx.Err()
		case <-time.After(min(pause, left)):
		}
	}
}
