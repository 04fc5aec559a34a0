package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// list says how one table is paged: what it may be searched and sorted by.
// Only names from here ever become part of a query's text.
type list struct {
	table   string // the list's name, to which cursors are bound
	from    string // where the rows come from: the table, or a query in brackets
	live    string // what else must hold, as a frame for the time of the transaction; may be empty
	columns string
	order   string // the field that pages are ordered by when none is asked for
	fields  map[string]field
}

// field is one thing to search or sort by.
type field struct {
	column string
	kind   fieldKind
	within string // for values kept in a table of their own: a frame for name and condition
}

type fieldKind int

const (
	exactText  fieldKind = iota
	foldedText           // compared without regard to case
	number
	truth
	instant
)

// query is a condition under construction: text and its parameters, of which
// $1 is the pool.
type query struct {
	text strings.Builder
	args []any
}

// param adds a parameter and returns its placeholder.
func (q *query) param(value any) string {
	q.args = append(q.args, value)
	return fmt.Sprintf("$%d", len(q.args)+1)
}

// page runs the query for one page and hands its rows to scan, with a place
// for the value of the order column behind the list's own columns. It returns
// the cursor of the next page, or "" if there is none.
func (tx *Tx) page(l list, q core.Query, scan func(row scanner, extra ...any) error) (string, error) {
	orderBy := q.OrderBy
	if orderBy == "" {
		orderBy = l.order
	}
	order, ok := l.fields[orderBy]
	if !ok || order.within != "" {
		return "", core.Invalid(core.Problem{Code: core.ProblemChoice, Pointer: "/order_by", Detail: "A list cannot be ordered by this."})
	}
	var b query
	if err := b.where(tx, l, q.Conditions); err != nil {
		return "", err
	}
	direction, beyond := "", ">"
	if q.Descending {
		direction, beyond = " DESC", "<"
	}
	bound := tx.cursorContext(l, q)
	if q.After != "" {
		value, id, err := tx.openCursor(q.After, order.kind, bound)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b.text, " AND (%s, id) %s (%s, %s)", order.column, beyond, b.param(value), b.param(id))
	}
	size := min(max(q.Size, 1), core.MaxPage)
	text := `SELECT ` + l.columns + `, ` + order.column + `, id FROM ` + l.from + ` WHERE pool = $1` + b.text.String() +
		` ORDER BY ` + order.column + direction + `, id` + direction + ` LIMIT ` + b.param(size+1)

	var lastValue any
	var lastID string
	more, n := false, 0
	err := tx.rows(func(row scanner) error {
		if n++; n > size {
			more = true
			return nil
		}
		if order.kind == exactText || order.kind == foldedText {
			var value string
			err := scan(row, &value, &lastID)
			lastValue = value
			return err
		}
		var value int64
		var flag bool
		if order.kind == truth {
			err := scan(row, &flag, &lastID)
			lastValue = flag
			return err
		}
		err := scan(row, &value, &lastID)
		lastValue = value
		return err
	}, text, b.args...)
	if err != nil || !more {
		return "", err
	}
	return tx.sealCursor(lastValue, lastID, bound)
}

// matching counts the rows that fulfil the conditions.
func (tx *Tx) matching(l list, q core.Query) (int64, error) {
	var b query
	if err := b.where(tx, l, q.Conditions); err != nil {
		return 0, err
	}
	var n int64
	err := tx.row(`SELECT COUNT(*) FROM `+l.from+` WHERE pool = $1`+b.text.String(), b.args...).Scan(&n)
	return n, err
}

// maxValues is how many values all conditions of a query have together: SQLite
// refuses expressions with more than a thousand levels.
const maxValues = 500

// maxPattern is the longest pattern that SQLite takes, in bytes. A longer
// part is in nothing that is found.
const maxPattern = 50_000

// where adds every condition.
func (q *query) where(tx *Tx, l list, conditions []core.Condition) error {
	if l.live != "" {
		fmt.Fprintf(&q.text, " AND "+l.live, q.param(micros(tx.now)))
	}
	for _, c := range conditions {
		if c.Op == core.OpNever {
			q.text.WriteString(" AND 1 = 0")
			continue
		}
		f, ok := l.fields[c.Field]
		if !ok {
			return fmt.Errorf("the list of %s has no field %q", l.table, c.Field)
		}
		if len(q.args)+len(c.Values) > maxValues {
			return unfit("These are too many conditions or values.")
		}
		if f.within == "" {
			condition, err := q.condition(f, c)
			if err != nil {
				return err
			}
			q.text.WriteString(" AND " + condition)
			continue
		}
		name := q.param(c.Name)
		if c.Op == core.OpExists {
			if len(c.Values) != 1 {
				return fmt.Errorf("%s is asked for with %d values", c.Op, len(c.Values))
			}
			not := ""
			if c.Values[0] == false {
				not = "NOT "
			}
			fmt.Fprintf(&q.text, " AND "+not+f.within, name, "1 = 1")
			continue
		}
		condition, err := q.condition(f, c)
		if err != nil {
			return err
		}
		fmt.Fprintf(&q.text, " AND "+f.within, name, condition)
	}
	return nil
}

// condition writes one comparison of a column.
func (q *query) condition(f field, c core.Condition) (string, error) {
	values := make([]any, len(c.Values))
	for i, v := range c.Values {
		var ok bool
		if values[i], ok = f.stored(v); !ok {
			return "", unfit("A value of " + c.Field + " is of another type.")
		}
	}
	comparison := map[core.Operator]string{
		core.OpEquals: "=", core.OpGreater: ">", core.OpAtLeast: ">=", core.OpLess: "<", core.OpAtMost: "<=",
	}
	switch c.Op {
	case core.OpEquals, core.OpGreater, core.OpAtLeast, core.OpLess, core.OpAtMost:
		if len(values) != 1 {
			return "", fmt.Errorf("%s is compared with %d values", f.column, len(values))
		}
		condition := f.column + " " + comparison[c.Op] + " " + q.param(values[0])
		if f.kind == instant && (c.Op == core.OpLess || c.Op == core.OpAtMost) {
			// What has not happened was not before anything.
			condition = "(" + f.column + " > 0 AND " + condition + ")"
		}
		return condition, nil
	case core.OpIn:
		if len(values) == 0 {
			return "1 = 0", nil
		}
		places := make([]string, len(values))
		for i, v := range values {
			places[i] = q.param(v)
		}
		return f.column + " IN (" + strings.Join(places, ", ") + ")", nil
	case core.OpContains, core.OpContainsAny:
		if len(values) == 0 {
			return "1 = 1", nil
		}
		parts := make([]string, len(values))
		for i, v := range values {
			text, ok := v.(string)
			if !ok {
				return "", unfit(c.Field + " is not text and has no parts.")
			}
			parts[i] = "1 = 0"
			if pattern := "%" + escapeLike(text) + "%"; len(pattern) <= maxPattern {
				parts[i] = f.column + ` LIKE ` + q.param(pattern) + ` ESCAPE '\'`
			}
		}
		if c.Op == core.OpContains {
			return "(" + strings.Join(parts, " AND ") + ")", nil
		}
		return "(" + strings.Join(parts, " OR ") + ")", nil
	default:
		return "", fmt.Errorf("%s cannot be compared by %s", f.column, c.Op)
	}
}

// unfit refuses conditions that cannot be asked.
func unfit(detail string) error {
	return core.Invalid(core.Problem{Code: core.ProblemType, Pointer: "/filter", Detail: detail})
}

// stored gives a value the form in which the column has it. It returns false
// for a value of another type.
func (f field) stored(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		if f.kind == foldedText {
			return core.Fold(v), true
		}
		return v, f.kind == exactText
	case int64:
		return v, f.kind == number
	case bool:
		return v, f.kind == truth
	case time.Time:
		return micros(v), f.kind == instant
	}
	return nil, false
}

func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// maxCursor is the longest cursor that is looked at, in bytes.
const maxCursor = 8192

// cursorContext is what a cursor is bound to: it opens for the same list,
// query, pool and kind of caller only, and nobody else can make one.
func (tx *Tx) cursorContext(l list, q core.Query) []string {
	conditions, err := json.Marshal(q.Conditions)
	if err != nil {
		panic(err) // strings, numbers and times have a JSON form
	}
	return []string{string(tx.pool), "cursor", l.table, q.OrderBy, fmt.Sprint(q.Descending), string(tx.caller.Actor.Kind), string(conditions)}
}

func (tx *Tx) sealCursor(value any, id string, context []string) (string, error) {
	plain, err := json.Marshal([]any{value, id})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(tx.store.keys.Seal(plain, context...)), nil
}

func (tx *Tx) openCursor(cursor string, kind fieldKind, context []string) (value any, id string, err error) {
	bad := core.Invalid(core.Problem{Code: core.ProblemFormat, Pointer: "/last", Detail: "This is not the cursor of the page before, for the same query."})
	if len(cursor) > maxCursor {
		return nil, "", bad
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	// Decoding passes over line ends and spare bits; a cursor has one spelling.
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != cursor {
		return nil, "", bad
	}
	plain, err := tx.store.keys.Open(sealed, context...)
	if err != nil {
		return nil, "", bad
	}
	var parts [2]json.RawMessage
	if err := json.Unmarshal(plain, &parts); err != nil {
		return nil, "", bad
	}
	switch kind {
	case exactText, foldedText:
		var text string
		err = json.Unmarshal(parts[0], &text)
		value = text
	case truth:
		var flag bool
		err = json.Unmarshal(parts[0], &flag)
		value = flag
	default:
		var n int64
		err = json.Unmarshal(parts[0], &n)
		value = n
	}
	if err != nil || json.Unmarshal(parts[1], &id) != nil {
		return nil, "", bad
	}
	return value, id, nil
}
