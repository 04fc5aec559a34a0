package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

const (
	// importLease is for how long a worker has an import to itself after a
	// step: many times what a step takes.
	importLease = 15 * time.Second
	// lookEvery is how often is looked for imports of other nodes, and of those
	// whose worker is gone.
	lookEvery = time.Second
	// stepRows and stepBytes bound what one step deals with: one transaction,
	// for which other writes wait.
	stepRows  = 500
	stepBytes = 1 << 20
)

// Run works on the imports of uploaded files, one after the other, until ctx
// ends. Any number of nodes may do so on one database: each import is worked on
// by one at a time, and one whose worker is gone is carried on by another, from
// where it was.
func (im *Imports) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		claimed, ok, err := im.store.Across().ClaimImport(ctx, secret.Random(), importLease)
		if ok && err == nil {
			err = im.work(ctx, claimed)
		}
		if err != nil && ctx.Err() == nil {
			im.log.Warn("an import cannot go on just now", "import", claimed.ID, "error", err)
		}
		if ok && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-im.poke:
		case <-tick.C:
		}
	}
}

// work carries an import on to its end. An error means that it stays in line,
// for when the lease is over.
func (im *Imports) work(ctx context.Context, c store.ImportClaim) error {
	caller := core.Caller{Pool: c.Pool, Actor: core.Actor{Kind: core.ActorSystem, ID: "import"}, Request: core.NewRequestID()}
	r := &importRun{im: im, bound: im.store.As(caller), job: c.Import, claim: c.Claim, rest: im.rest}
	err := r.guarded(ctx, func() error {
		var source core.ImportSource
		err := r.bound.View(ctx, func(tx *store.Tx) (err error) {
			source, err = tx.ImportSource(r.job.Source)
			return err
		})
		if core.Is(err, core.CodeNotFound) {
			return r.end(ctx, core.ImportFailed, "The uploaded file is not there any more.")
		}
		if err != nil {
			return err
		}
		names := make([]string, 0, len(source.Columns))
		for _, c := range source.Columns {
			names = append(names, c.Name)
		}
		return r.all(ctx, names, func(at, number int64) (rows, error) {
			file := &chunkReader{ctx: ctx, bound: r.bound, source: source, at: at}
			return csvFrom(file, names, at, number), nil
		})
	})
	if err == nil {
		return nil
	}
	// Somebody else may be able to, at once.
	return errors.Join(err, r.write(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.ReleaseImport(r.job.ID, r.claim) }))
}

// guarded ends an import that makes its worker panic: it would do so again.
func (r *importRun) guarded(ctx context.Context, work func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			r.im.log.Error("panic in an import", "import", r.job.ID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = r.end(context.WithoutCancel(ctx), core.ImportFailed, "Something went wrong on our side.")
		}
	}()
	return work()
}

// importRun is one worker at one import.
type importRun struct {
	im    *Imports
	bound store.Bound
	job   core.Import
	claim string
	rest  float64
	seen  *seenKeys // of those who would have been stored, if nobody is
	tell  func(core.Import)
}

// all deals with all rows that are left, and ends the import.
func (r *importRun) all(ctx context.Context, columns []string, open func(at, number int64) (rows, error)) error {
	var pool core.Pool
	err := r.bound.View(ctx, func(tx *store.Tx) (err error) {
		pool, err = tx.Pool()
		return err
	})
	if err != nil {
		return err
	}
	draft := newDrafter(r.job.Mapping, columns, pool.Settings, r.im.now())
	draft.seal = func(user core.UserID, phc string) string { return sealHash(r.im.store.Keys(), pool.ID, user, phc) }
	if r.job.Dry {
		// Who came before in the file is known to this worker alone.
		r.seen = newSeenKeys(draft)
		if r.job.Position > 0 {
			if err := r.write(ctx, func(tx *store.Tx) error { return tx.RestartImport(r.job.ID, r.claim) }); err != nil {
				return err
			}
			r.job.Position, r.job.Successful, r.job.Failed, r.job.Skipped = 0, 0, 0, 0
		}
	}
	file, err := open(r.job.Position, r.job.Total())
	if err != nil {
		return err
	}
	for {
		began := time.Now()
		step, err := r.gather(file, draft)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(step.rows) > 0 {
			if err := r.take(ctx, step); err != nil {
				return err
			}
			if r.tell != nil {
				r.tell(r.job)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return r.end(ctx, core.ImportDone, "")
		case r.job.Total() > r.im.limits.Rows:
			return r.end(ctx, core.ImportFailed, "The file has more than "+strconv.FormatInt(r.im.limits.Rows, 10)+" rows.")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(float64(time.Since(began)) * r.rest)):
		}
	}
}

// step is what is dealt with at once.
type step struct {
	rows   []int64  // their numbers
	faults []string // by row: why it is no person, or empty
	people []store.Newcomer
	at     []int // by person, the place of their row in rows
	end    int64 // of the last row, in bytes
}

// gather reads the rows of the next step. At the end of the file it returns
// io.EOF with those that are left.
func (r *importRun) gather(file rows, draft *drafter) (step, error) {
	s := step{end: r.job.Position}
	draft.newID = core.UserIDsTogether()
	for len(s.rows) < stepRows && s.end-r.job.Position < stepBytes {
		row, err := file.next()
		if err != nil {
			return s, err
		}
		fault, person := row.fault, store.Newcomer{}
		if fault == "" {
			person, fault = draft.draft(row.values)
		}
		if fault == "" {
			s.people, s.at = append(s.people, person), append(s.at, len(s.rows))
		}
		s.rows, s.faults, s.end = append(s.rows, row.number), append(s.faults, fault), row.end
	}
	return s, nil
}

// take stores a step and counts it, all in one transaction.
func (r *importRun) take(ctx context.Context, s step) error {
	var done core.Import
	err := r.write(ctx, func(tx *store.Tx) error {
		// Anew each time: this may run twice.
		done = core.Import{}
		added, standing, err := r.meet(tx, s)
		if err != nil {
			return err
		}
		var details []core.ImportDetail
		note := func(count *int64, before int64, d core.ImportDetail) {
			if *count++; before+*count <= core.MaxImportDetails {
				details = append(details, d)
			}
		}
		for i, fault := range s.faults {
			if fault != "" {
				note(&done.Failed, r.job.Failed, core.ImportDetail{Outcome: core.OutcomeFailed, Row: s.rows[i], Reason: numbered(s.rows[i], fault)})
			}
		}
		for i, p := range s.people {
			number := s.rows[s.at[i]]
			if added[i] {
				note(&done.Successful, r.job.Successful, core.ImportDetail{Outcome: core.OutcomeSuccess, Row: number, User: p.User.ID, Reason: numbered(number, "They are new.")})
				continue
			}
			note(&done.Skipped, r.job.Skipped, core.ImportDetail{Outcome: core.OutcomeSkipped, Row: number, User: standing[i].User, Reason: numbered(number, taken(standing[i].What))})
		}
		return tx.AdvanceImport(r.job.ID, store.ImportStep{
			Claim: r.claim, From: r.job.Position, To: s.end, Until: tx.Now().Add(importLease), Done: done, Details: details, Spent: s.end / store.ChunkSize,
		})
	})
	if err != nil {
		return err
	}
	r.job.Position = s.end
	r.job.Successful += done.Successful
	r.job.Failed += done.Failed
	r.job.Skipped += done.Skipped
	if r.seen != nil {
		r.seen.settle()
	}
	return nil
}

// meet stores the people of a step, or finds out what would become of them. It
// returns of each whether they are new, and of the others who stands in their
// way.
func (r *importRun) meet(tx *store.Tx, s step) (added []bool, standing []store.Standing, err error) {
	if r.seen == nil {
		if added, err = tx.AddNewcomers(r.job.ID, s.people); err != nil {
			return nil, nil, err
		}
	} else {
		added = make([]bool, len(s.people))
	}
	standing = make([]store.Standing, len(s.people))
	var asked []int
	var users []store.Newcomer
	const most = 300
	ask := func() error {
		found, err := tx.Standing(users)
		for i, at := range asked {
			if err == nil {
				standing[at] = found[i]
			}
		}
		asked, users = asked[:0], users[:0]
		return err
	}
	told := r.job.Skipped
	for i, p := range s.people {
		if added[i] || r.seen == nil && told >= core.MaxImportDetails {
			continue
		}
		if told++; len(users) == most {
			if err := ask(); err != nil {
				return nil, nil, err
			}
		}
		asked, users = append(asked, i), append(users, p)
	}
	if err := ask(); err != nil || r.seen == nil {
		return added, standing, err
	}
	r.seen.begin()
	for i, p := range s.people {
		if standing[i].What == "" {
			standing[i].What = r.seen.see(p)
		}
		added[i] = standing[i].What == ""
	}
	return added, standing, nil
}

// end ends the import, and tells of it.
func (r *importRun) end(ctx context.Context, status core.ImportStatus, reason string) error {
	return r.write(ctx, func(tx *store.Tx) error {
		ended, err := tx.EndImport(r.job.ID, r.claim, status, reason)
		if err != nil || !ended || r.job.Dry {
			return err
		}
		count := func(n int64) string { return strconv.FormatInt(n, 10) }
		return tx.Record(core.Event{Name: core.EventImportEnded, Target: string(r.job.ID), Data: map[string]string{
			"status": string(status), "successful": count(r.job.Successful), "failed": count(r.job.Failed), "skipped": count(r.job.Skipped),
		}})
	})
}

// write is one transaction with an end.
func (r *importRun) write(ctx context.Context, fn func(tx *store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, importLease/2)
	defer cancel()
	return r.bound.Update(ctx, fn)
}

// numbered puts the number of a row before a sentence.
func numbered(number int64, sentence string) string {
	return "Row " + strconv.FormatInt(number, 10) + ": " + sentence
}

// taken says why somebody is skipped.
func taken(what string) string {
	switch what {
	case "id":
		return "Somebody has this id already."
	case "username":
		return "Somebody has this username already."
	case "email":
		return "Somebody has this e-mail address already."
	}
	return "They are there already."
}
