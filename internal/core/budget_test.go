package core

import (
	"slices"
	"strings"
	"testing"
)

// TestEveryBudgetHasItsSettings holds the table of budgets and the table of
// settings together.
func TestEveryBudgetHasItsSettings(t *testing.T) {
	settings := make(map[string]bool)
	for _, line := range SettingsTable() {
		settings[line.Key] = false
	}
	var names []BudgetName
	for _, b := range Budgets() {
		if slices.Contains(names, b.Name) || b.Each == "" {
			t.Errorf("law: a budget stands once in the table, with what each has one of; %s does not", b.Name)
		}
		names = append(names, b.Name)
		for key := range strings.SplitSeq(b.Setting, ", ") {
			if _, there := settings[key]; !there {
				t.Errorf("law: a budget names the settings that say how much it is; %s names %q", b.Name, key)
			}
			settings[key] = true
		}
		short, long := b.Name.Limits(DefaultSettings())
		if short.Most < 1 || short.In <= 0 || (b.Long == nil) != (long == Limit{}) || b.Long != nil && (long.Most < short.Most || long.In <= short.In) {
			t.Errorf("law: a budget has limits where nothing is set, the shorter first; %s has %v and %v", b.Name, short, long)
		}
	}
	for key, used := range settings {
		if strings.HasPrefix(key, "budget.") && !used {
			t.Errorf("law: every setting of budgets is in the table of budgets; %s is not", key)
		}
	}
}

// TestLockoutCanBeTurnedOff says what is left then.
func TestLockoutCanBeTurnedOff(t *testing.T) {
	s := DefaultSettings()
	if l := s.Lockout(); l.Free != 5 || l.Most != 100 || l.First <= 0 || l.Longest < l.First {
		t.Errorf("law: five wrong tries are free and a hundred are the end; the lockout is %+v", l)
	}
	s.LockoutEnabled = false
	if l := s.Lockout(); l.Free != 0 || l.Most != 100 {
		t.Errorf("law: without delays the end after a hundred wrong tries stays; the lockout is %+v", l)
	}
}
