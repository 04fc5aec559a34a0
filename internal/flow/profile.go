package flow

import (
	"context"
	"maps"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// profile asks somebody new for what the pool wants to know of its people.
type profile struct{}

// askedFields are what somebody new is still asked for: a provider may have said
// some of it.
func (t Turn) askedFields() []core.ProfileField {
	var fields []core.ProfileField
	for _, f := range t.Settings.ProfileFields {
		if f.AtSignup && t.Facts.Profile[f.ID] == "" {
			fields = append(fields, f)
		}
	}
	return fields
}

func (profile) Prompt(t Turn) *Prompt { return &Prompt{Fields: t.askedFields()} }

func (c profile) Answer(_ context.Context, t Turn, a Answer) (Effect, error) {
	given := core.Profile(a.Profile)
	problems := given.Check("/data/profile")
	fields := c.Prompt(t).Fields
	for _, f := range fields {
		if err := f.CheckValue(given[f.ID]); err != nil {
			code := core.ProblemFormat
			if given[f.ID] == "" {
				code = core.ProblemRequired
			}
			problems = append(problems, core.Problem{Code: code, Pointer: "/data/profile/" + f.ID, Detail: err.Error() + "."})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.ContainsFunc(fields, func(f core.ProfileField) bool { return f.ID == name }) {
			problems = append(problems, core.Problem{Code: core.ProblemUnknown, Pointer: "/data/profile/" + core.PointerToken(name), Detail: "Sign-up does not ask for this."})
		}
	}
	if len(problems) > 0 {
		return nil, core.Invalid(problems...)
	}
	return func(_ *store.Tx, t *Turn) error {
		all := core.Profile{}
		maps.Copy(all, t.Facts.Profile)
		maps.Copy(all, given)
		t.Facts.Profile, t.Facts.ProfileDone = all, true
		return nil
	}, nil
}

func (profile) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }
