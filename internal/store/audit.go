package store

import (
	"cmp"
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// AuditHead is where a pool's chain of events ends.
type AuditHead struct {
	Place int64  // of the last event, 0 for none
	Link  string // of the last event

	// The last of the events that were deleted because they were old; 0 for
	// none. The chain begins behind it.
	Trimmed     int64
	TrimmedLink string
}

// String writes the end of the chain as [ParseAuditHead] reads it: its place
// and its link.
func (h AuditHead) String() string { return strconv.FormatInt(h.Place, 10) + ":" + h.Link }

// ParseAuditHead reads what [AuditHead.String] wrote.
func ParseAuditHead(text string) (AuditHead, error) {
	place, link, ok := strings.Cut(text, ":")
	n, err := strconv.ParseInt(place, 10, 64)
	if raw, bad := hex.DecodeString(link); !ok || err != nil || n < 1 || bad != nil || len(raw) != 32 {
		return AuditHead{}, fmt.Errorf("%q is not a head of an audit chain, such as 1207:9f86d0...", text)
	}
	return AuditHead{Place: n, Link: link}, nil
}

// chain computes what nobody can without the deployment's keys: who can write
// to the database cannot make a chain that fits.
type chain struct {
	keys *secret.Keys
	pool core.PoolID
}

// link chains an event to the link before it.
func (c chain) link(before string, r written) string {
	return c.mac("audit link", before, strconv.FormatInt(r.Place, 10), strconv.FormatInt(r.Seq, 10), string(r.Name), string(r.Actor.Kind), r.Actor.ID,
		r.Target, r.Reason, r.data, r.Address, string(r.Request), strconv.FormatInt(micros(r.At), 10))
}

// proof binds a head to its pool.
func (c chain) proof(h AuditHead) string {
	return c.mac("audit head", strconv.FormatInt(h.Place, 10), h.Link, strconv.FormatInt(h.Trimmed, 10), h.TrimmedLink)
}

func (c chain) mac(purpose string, words ...string) string {
	text, err := json.Marshal(append(words, string(c.pool))) // no two lists give one text
	if err != nil {
		panic(err) // texts can always be written
	}
	return hex.EncodeToString(c.keys.Lookup(purpose, string(text)))
}

// errAltered is returned for a chain that cannot be gone on from: that would hide
// what was done to it.
var errAltered = errors.New("the audit trail was altered in the database; `gatehouse audit verify` tells more")

// errSealedElsewhere ends a transaction whose events another node sealed.
var errSealedElsewhere = errors.New("another node was quicker")

// Seal puts events that stand in no chain yet into their pool's, about n at a
// time, and returns how many it did. Nodes may do it side by side: of two that
// seal the same, one writes. A pool whose head was altered is left out, and does
// not keep the others from theirs; the error names it.
func (a Across) Seal(ctx context.Context, n int) (int, error) {
	sealed := 0
	var altered []error
	var out []any
	for {
		pools, waiting, err := a.unsealed(ctx, n, out)
		if err != nil {
			return sealed, a.failed(err)
		}
		before := len(out)
		for _, p := range pools {
			err := a.sealPool(ctx, p, waiting[p])
			switch {
			case errors.Is(err, errAltered):
				altered, out = append(altered, err), append(out, string(p))
			case errors.Is(err, errSealedElsewhere):
			case err != nil:
				return sealed, a.failed(err)
			default:
				sealed += len(waiting[p])
			}
		}
		if len(out) == before || sealed >= n {
			return sealed, errors.Join(altered...)
		}
	}
}

// unsealed reads events that stand in no chain, at most n, of all pools but some.
func (a Across) unsealed(ctx context.Context, n int, but []any) (pools []core.PoolID, waiting map[core.PoolID][]written, err error) {
	others := ""
	for i := range but {
		others += ` AND pool <> $` + strconv.Itoa(i+2)
	}
	waiting = make(map[core.PoolID][]written)
	rows, err := a.q().QueryContext(ctx, `SELECT pool, `+eventColumns+` FROM events WHERE place = 0`+others+` ORDER BY seq LIMIT $1`, append([]any{n}, but...)...)
	err = each(rows, err, func(row scanner) error {
		var p core.PoolID
		r, err := scanWritten(row, &p)
		if waiting[p] == nil {
			pools = append(pools, p)
		}
		waiting[p] = append(waiting[p], r)
		return err
	})
	return pools, waiting, err
}

func (a Across) sealPool(ctx context.Context, p core.PoolID, events []written) error {
	c := chain{a.store.keys, p}
	return a.store.engine.update(ctx, func(ctx context.Context, q querier) error {
		head, err := readHead(ctx, q, c)
		if err != nil {
			return err
		}
		next := head
		for i := range events {
			next.Place++
			events[i].Place = next.Place
			events[i].Link = c.link(next.Link, events[i])
			next.Link = events[i].Link
		}
		// The head first: of two sealers the second waits here, and finds that
		// it has nothing to write.
		if err := moveHead(ctx, q, c, head, next); err != nil {
			return err
		}
		for some := range slices.Chunk(events, a.store.engine.rowsAtOnce()) {
			if err := a.place(ctx, q, p, some); err != nil {
				return err
			}
		}
		return nil
	})
}

// place writes where events stand in their pool's chain.
func (a Across) place(ctx context.Context, q querier, p core.PoolID, events []written) error {
	if len(events) == 1 {
		r := events[0]
		result, err := q.ExecContext(ctx, `UPDATE events SET place = $3, link = $4 WHERE pool = $1 AND seq = $2 AND place = 0`, string(p), r.Seq, r.Place, r.Link)
		return one(result, err)
	}
	args := []any{string(p)}
	for _, r := range events {
		args = append(args, r.Seq, r.Place, r.Link)
	}
	// Rows of no event fill it up to one of a few lengths, so that there are few
	// texts of it, which connections remember.
	length := a.store.engine.rowsAtOnce()
	for _, shorter := range []int{64, 16, 4} {
		if len(events) <= shorter {
			length = shorter
		}
	}
	for range length - len(events) {
		args = append(args, 0, 0, "")
	}
	rows := strings.NewReplacer("$2,", "CAST($2 AS BIGINT),", "$3,", "CAST($3 AS BIGINT),").Replace(rowsOf(1, 3, length, numbered))
	result, err := q.ExecContext(ctx, `
		UPDATE events SET place = v.column3, link = v.column4 FROM (VALUES `+rows+`) AS v
		WHERE events.pool = v.column1 AND events.seq = v.column2 AND events.place = 0`, args...)
	if err != nil {
		return err
	}
	if placed, err := result.RowsAffected(); err != nil || placed < int64(len(events)) {
		return cmp.Or(err, errSealedElsewhere)
	}
	return nil
}

// readHead reads a pool's head, and makes it if there is none. It fails for
// one that was not written by us: going on from it would hide that.
func readHead(ctx context.Context, q querier, c chain) (AuditHead, error) {
	first := AuditHead{}
	_, err := q.ExecContext(ctx, `INSERT INTO audit_heads (pool, place, link, trimmed, trimmed_link, proof) VALUES ($1, 0, '', 0, '', $2) ON CONFLICT DO NOTHING`,
		string(c.pool), c.proof(first))
	if err != nil {
		return first, err
	}
	h, proof, err := scanHead(q.QueryRowContext(ctx, `SELECT place, link, trimmed, trimmed_link, proof FROM audit_heads WHERE pool = $1`, string(c.pool)))
	if err == nil && !hmac.Equal([]byte(proof), []byte(c.proof(h))) {
		err = fmt.Errorf("pool %s: %w", c.pool, errAltered)
	}
	return h, err
}

func scanHead(row scanner) (h AuditHead, proof string, err error) {
	err = row.Scan(&h.Place, &h.Link, &h.Trimmed, &h.TrimmedLink, &proof)
	return h, proof, err
}

// AuditHead returns where a pool's chain ends; [core.CodeNotFound] if nothing
// is in it yet.
func (a Across) AuditHead(ctx context.Context, p core.PoolID) (AuditHead, error) {
	h, _, err := scanHead(a.q().QueryRowContext(ctx, `SELECT place, link, trimmed, trimmed_link, proof FROM audit_heads WHERE pool = $1`, string(p)))
	return h, a.failed(found(err, "audit chain"))
}

// moveHead writes a head in the place of the one that was read.
func moveHead(ctx context.Context, q querier, c chain, was, is AuditHead) error {
	result, err := q.ExecContext(ctx, `UPDATE audit_heads SET place = $2, link = $3, trimmed = $4, trimmed_link = $5, proof = $6 WHERE pool = $1 AND place = $7 AND trimmed = $8`,
		string(c.pool), is.Place, is.Link, is.Trimmed, is.TrimmedLink, c.proof(is), was.Place, was.Trimmed)
	return one(result, err)
}

// TrimAudit deletes a pool's sealed events that were made before a time, from
// the beginning of its chain on, at most n. The head keeps where the chain
// begins now. It returns how many went. An event that does not fit the one
// before it stays: whoever wrote it wants it gone.
func (a Across) TrimAudit(ctx context.Context, p core.PoolID, before time.Time, n int) (int, error) {
	c := chain{a.store.keys, p}
	head, err := a.AuditHead(ctx, p)
	if core.Is(err, core.CodeNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var old []written
	rows, err := a.q().QueryContext(ctx, trailQuery, string(p), firstPlace, n)
	err = each(rows, err, func(row scanner) error {
		r, err := scanWritten(row)
		old = append(old, r)
		return err
	})
	if err != nil {
		return 0, a.failed(err)
	}
	next, gone, fits := head, 0, true
	for ; gone < len(old) && old[gone].At.Before(before); gone++ {
		r := old[gone]
		if fits = r.Place == next.Trimmed+1 && hmac.Equal([]byte(r.Link), []byte(c.link(next.TrimmedLink, r))); !fits {
			break
		}
		next.Trimmed, next.TrimmedLink = r.Place, r.Link
	}
	if gone == 0 && fits {
		return 0, nil
	}
	err = a.store.engine.update(ctx, func(ctx context.Context, q querier) error {
		now, err := readHead(ctx, q, c)
		if err != nil {
			return err
		}
		if now.Trimmed != head.Trimmed || now.TrimmedLink != head.TrimmedLink {
			return errSealedElsewhere
		}
		if !fits || next.Trimmed > now.Place {
			return fmt.Errorf("pool %s: %w", p, errAltered)
		}
		to := now
		to.Trimmed, to.TrimmedLink = next.Trimmed, next.TrimmedLink
		if err := moveHead(ctx, q, c, now, to); err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `DELETE FROM events WHERE pool = $1 AND place <> 0 AND place <= $2`, string(p), to.Trimmed)
		return err
	})
	if errors.Is(err, errSealedElsewhere) {
		return 0, nil // next time
	}
	if err != nil {
		return 0, a.failed(err)
	}
	return gone, nil
}

// one requires a statement to have touched its row: else another node did it.
func one(result sql.Result, err error) error {
	if there, err := touched(result, err); err != nil || there {
		return err
	}
	return errSealedElsewhere
}

// AuditFault is the first thing that is wrong with a chain.
type AuditFault struct {
	Kind  AuditFaultKind
	Place int64 // where in the chain; 0 for its head
	Seq   int64 // the number of the event that stands there; 0 for none
}

// AuditFaultKind says what is wrong.
type AuditFaultKind string

// What can be wrong with a chain.
const (
	AuditAltered AuditFaultKind = "altered"  // the event does not fit the one before it: it, or its place, was changed
	AuditRemoved AuditFaultKind = "removed"  // no event stands at this place
	AuditAdded   AuditFaultKind = "added"    // an event stands outside of the chain
	AuditHeadBad AuditFaultKind = "head"     // where the chain ends, or begins, was altered
	AuditSetBack AuditFaultKind = "set back" // the chain does not contain a head from before
)

// AuditReport is what a check of a pool's chain found.
type AuditReport struct {
	Head    AuditHead
	Checked int64       // events that were compared
	Fault   *AuditFault // nil: the chain is whole
}

// verifyPage is how many events are compared at a time, and firstPlace is
// below every place that somebody could give an event.
const (
	verifyPage       = 1000
	firstPlace int64 = math.MinInt64
)

// VerifyAudit compares every event of the pool's chain with its link. known is
// a head that was noted down elsewhere before, which the chain must contain;
// the zero head asks for nothing.
func (tx *Tx) VerifyAudit(known AuditHead) (AuditReport, error) {
	c := chain{tx.store.keys, tx.pool}
	for {
		report, err := tx.verifyOnce(c, known)
		if err != nil || report.Fault == nil {
			return report, err
		}
		// Old events may have been deleted meanwhile, and the head moved on.
		now, _, err := tx.auditHead(c)
		if err != nil || now.Trimmed == report.Head.Trimmed {
			return report, err
		}
	}
}

// auditHead reads the head, and whether it is genuine. A pool without one has
// the zero head.
func (tx *Tx) auditHead(c chain) (AuditHead, bool, error) {
	var h AuditHead
	var proof string
	found := false
	err := tx.rows(func(row scanner) (err error) {
		found = true
		h, proof, err = scanHead(row)
		return err
	}, `SELECT place, link, trimmed, trimmed_link, proof FROM audit_heads WHERE pool = $1`)
	return h, !found || hmac.Equal([]byte(proof), []byte(c.proof(h))), err
}

func (tx *Tx) verifyOnce(c chain, known AuditHead) (AuditReport, error) {
	head, genuine, err := tx.auditHead(c)
	report := AuditReport{Head: head}
	fault := func(kind AuditFaultKind, place, seq int64) (AuditReport, error) {
		report.Fault = &AuditFault{kind, place, seq}
		return report, nil
	}
	if err != nil {
		return report, err
	}
	if !genuine {
		return fault(AuditHeadBad, 0, 0)
	}
	if known.Place > head.Place || (known.Place != 0 && known.Place == head.Trimmed && known.Link != head.TrimmedLink) {
		return fault(AuditSetBack, known.Place, 0)
	}
	link, place := head.TrimmedLink, head.Trimmed
	// Places below the beginning are looked at too: nothing may stand there.
pages:
	for after := firstPlace; ; {
		var page []written
		err := tx.rows(func(row scanner) error {
			w, err := scanWritten(row)
			page = append(page, w)
			return err
		}, trailQuery, after, verifyPage)
		if err != nil {
			return report, err
		}
		for _, r := range page {
			after = r.Place
			switch {
			case r.Place <= head.Trimmed:
				return fault(AuditAdded, r.Place, r.Seq)
			case r.Place > head.Place:
				if place < head.Place {
					return fault(AuditRemoved, place+1, 0)
				}
				now, genuine, err := tx.auditHead(c)
				if err != nil {
					return report, err
				}
				if !genuine || r.Place > now.Place {
					return fault(AuditAdded, r.Place, r.Seq)
				}
				break pages // sealed after the head was read
			case r.Place != place+1:
				return fault(AuditRemoved, place+1, 0)
			}
			link = c.link(link, r)
			if !hmac.Equal([]byte(link), []byte(r.Link)) {
				return fault(AuditAltered, r.Place, r.Seq)
			}
			if r.Place == known.Place && link != known.Link {
				return fault(AuditSetBack, r.Place, r.Seq)
			}
			place = r.Place
			report.Checked++
		}
		if len(page) < verifyPage {
			break
		}
	}
	if place < head.Place {
		return fault(AuditRemoved, place+1, 0)
	}
	if link != head.Link {
		return fault(AuditHeadBad, 0, 0)
	}
	return report, nil
}
