package pangea

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// filterField is what a filter's key stands for.
type filterField struct {
	field  string
	kind   filterKind
	prefix string            // of an id, as the vendor spells it
	ours   string            // the same, as we do
	fixed  string            // what a fixed field is for every entry
	words  map[string]string // of a field with few values: the vendor's, and ours for each
}

type filterKind int

const (
	filterText filterKind = iota
	filterID
	filterTime
	filterSpan // a time of which the beginning can be asked for
	filterNumber
	filterBool
	filterWord    // one of a few words
	filterFixed   // a text that is the same for every entry
	filterFalse   // a property that everybody lacks so far
	filterUnknown // a text that is known of nobody so far
	filterNone    // a list that is empty for everybody so far
	filterTrue    // a property that everybody has
	filterProfile // stands for every profile_ key
)

// filterOps are the endings of a filter's key.
func filterOps() map[string]core.Operator {
	return map[string]core.Operator{
		"": core.OpEquals, "contains": core.OpContains, "in": core.OpIn, "exists": core.OpExists,
		"gt": core.OpGreater, "gte": core.OpAtLeast, "lt": core.OpLess, "lte": core.OpAtMost,
	}
}

// allowed says which endings a kind of field takes.
func (k filterKind) allowed(op core.Operator) bool {
	switch op {
	case core.OpEquals:
		return k != filterNone && k != filterProfile
	case core.OpIn:
		return k == filterText || k == filterID || k == filterTime || k == filterUnknown || k == filterFixed || k == filterWord
	case core.OpContains:
		return k == filterText || k == filterID || k == filterSpan || k == filterUnknown || k == filterFixed || k == filterWord
	case core.OpGreater, core.OpAtLeast, core.OpLess, core.OpAtMost:
		return k == filterTime || k == filterSpan || k == filterNumber
	default:
		return false
	}
}

// filter reads a filter object. All of its conditions must hold.
func (p *problems) filter(given map[string]jsontext.Value, fields map[string]filterField) []core.Condition {
	const most = 50
	if len(given) > most {
		p.add(core.ProblemTooLarge, "/filter", "A filter has at most 50 conditions.")
		return nil
	}
	var conditions []core.Condition
	for _, key := range slices.Sorted(maps.Keys(given)) {
		pointer := "/filter/" + core.PointerToken(key)
		if given[key].Kind() == 'n' {
			continue
		}
		name, ending, _ := strings.Cut(key, "__")
		op, known := filterOps()[ending]
		_, profiles := fields["profile"]
		if profile, ok := strings.CutPrefix(name, "profile_"); ok && known && profiles {
			conditions = append(conditions, p.profileCondition(pointer, profile, op, given[key])...)
			continue
		}
		field, ok := fields[name]
		switch {
		case key == "last_login_at__contains" && ok:
			// The Go SDK can send it; parts of a time say nothing.
		case key == "scopes" && ok:
			var scopes []string
			if p.decode(pointer, given[key], &scopes, core.ProblemArray, "a list of strings") && len(scopes) > 0 {
				conditions = append(conditions, core.Condition{Op: core.OpNever})
			}
		case !ok || !known || !field.kind.allowed(op):
			p.add(core.ProblemUnknown, pointer, "There is no such filter here.")
		default:
			conditions = append(conditions, p.condition(pointer, field, op, given[key])...)
		}
	}
	return conditions
}

// condition reads one filter on a field.
func (p *problems) condition(pointer string, f filterField, op core.Operator, raw jsontext.Value) []core.Condition {
	switch f.kind {
	case filterBool, filterFalse, filterTrue:
		var value bool
		if !p.decode(pointer, raw, &value, core.ProblemBoolean, "true or false") {
			return nil
		}
		if f.kind == filterBool {
			return []core.Condition{{Field: f.field, Op: op, Values: []any{value}}}
		}
		if value == (f.kind == filterFalse) {
			return []core.Condition{{Op: core.OpNever}}
		}
		return nil
	case filterNumber:
		var value int64
		if !p.decode(pointer, raw, &value, core.ProblemInteger, "a whole number") {
			return nil
		}
		return []core.Condition{{Field: f.field, Op: op, Values: []any{value}}}
	default:
	}
	if f.kind == filterSpan && op == core.OpContains {
		var text string
		if !p.decode(pointer, raw, &text, core.ProblemText, "a string") {
			return nil
		}
		from, until := p.span(pointer, text)
		return []core.Condition{{Field: f.field, Op: core.OpAtLeast, Values: []any{from}}, {Field: f.field, Op: core.OpLess, Values: []any{until}}}
	}
	texts, ok := p.texts(pointer, op, raw)
	if !ok {
		return nil
	}
	if f.kind == filterUnknown {
		return []core.Condition{{Op: core.OpNever}}
	}
	if f.kind == filterFixed {
		return fixedCondition(f.fixed, op, texts)
	}
	if f.kind == filterWord {
		// Which words fit is decided on the vendor's; ours are looked for.
		c := core.Condition{Field: f.field, Op: core.OpIn}
		for _, word := range slices.Sorted(maps.Keys(f.words)) {
			if fixedCondition(word, op, texts) == nil {
				c.Values = append(c.Values, f.words[word])
			}
		}
		return []core.Condition{c}
	}
	values := make([]any, 0, len(texts))
	for _, text := range texts {
		switch f.kind {
		case filterTime, filterSpan:
			values = append(values, p.moment(pointer, text))
		case filterID:
			// A part of an id may begin with the vendor's prefix or not.
			if tail, ok := strings.CutPrefix(text, f.prefix); ok {
				text = f.ours + tail
			}
			values = append(values, text)
		default:
			values = append(values, text)
		}
	}
	return []core.Condition{{Field: f.field, Op: op, Values: values}}
}

// fixedCondition compares what is the same for every entry: all fulfil it, or
// none.
func fixedCondition(fixed string, op core.Operator, texts []string) []core.Condition {
	holds := slices.Contains(texts, fixed)
	if op == core.OpContains {
		holds = !slices.ContainsFunc(texts, func(part string) bool { return !strings.Contains(fixed, part) })
	}
	if holds {
		return nil
	}
	return []core.Condition{{Op: core.OpNever}}
}

// profileCondition reads a filter on a field of the profile. Of several parts
// one is enough, as the vendor's document has it for profiles.
func (p *problems) profileCondition(pointer, name string, op core.Operator, raw jsontext.Value) []core.Condition {
	c := core.Condition{Field: "profile", Name: name, Op: op}
	switch op {
	case core.OpExists:
		var value bool
		if !p.decode(pointer, raw, &value, core.ProblemBoolean, "true or false") {
			return nil
		}
		c.Values = []any{value}
	case core.OpEquals, core.OpContains:
		texts, ok := p.texts(pointer, op, raw)
		if !ok {
			return nil
		}
		for _, text := range texts {
			c.Values = append(c.Values, text)
		}
		if op == core.OpContains {
			c.Op = core.OpContainsAny
		}
	default:
		p.add(core.ProblemUnknown, pointer, "There is no such filter here.")
		return nil
	}
	return []core.Condition{c}
}

// texts reads one string, or for in and contains a list of them.
func (p *problems) texts(pointer string, op core.Operator, raw jsontext.Value) ([]string, bool) {
	const most = 200
	var texts []string
	if op == core.OpIn || op == core.OpContains {
		if !p.decode(pointer, raw, &texts, core.ProblemArray, "a list of strings") {
			return nil, false
		}
	} else {
		var text string
		if !p.decode(pointer, raw, &text, core.ProblemText, "a string") {
			return nil, false
		}
		texts = []string{text}
	}
	if len(texts) > most {
		p.add(core.ProblemTooLarge, pointer, "A filter compares with at most 200 values.")
		return nil, false
	}
	for _, text := range texts {
		if strings.ContainsRune(text, 0) {
			p.add(core.ProblemFormat, pointer, "A filter holds no NUL character.")
			return nil, false
		}
	}
	return texts, true
}

func (p *problems) decode(pointer string, raw jsontext.Value, into any, code core.ProblemCode, want string) bool {
	if err := json.Unmarshal(raw, into); err != nil {
		p.add(code, pointer, "This must be "+want+".")
		return false
	}
	return true
}
