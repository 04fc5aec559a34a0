package directory

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// drafter makes people of the rows of a file, by its mapping.
type drafter struct {
	places   map[core.MappedColumn]int // by field, where in a row its value is
	profile  map[string]core.ProfileField
	profiles []core.MappedColumn
	hash     secret.ForeignParams
	now      time.Time
	newID    func() core.UserID
	seal     func(user core.UserID, phc string) string
}

// newDrafter reads a mapping that [core.ImportMapping.Check] has passed.
func newDrafter(m core.ImportMapping, columns []string, s core.Settings, now time.Time) *drafter {
	d := &drafter{places: make(map[core.MappedColumn]int), profile: make(map[string]core.ProfileField), hash: m.Hash, now: now}
	for _, f := range s.ProfileFields {
		f.Required = false // who lacks it is asked for it when they sign in
		d.profile[f.ID] = f
	}
	for _, c := range m.Fields {
		field := core.MappedColumn{Field: c.Field, Profile: c.Profile}
		if i := slices.Index(columns, c.Column); i >= 0 {
			d.places[field] = i
			if c.Profile {
				d.profiles = append(d.profiles, field)
			}
		}
	}
	return d
}

// value is what a row has for a field, without blanks around it; "" where no
// column is mapped to it.
func (d *drafter) value(values []string, field string) string {
	i, mapped := d.places[core.MappedColumn{Field: field}]
	if !mapped {
		return ""
	}
	return strings.TrimSpace(values[i])
}

// draft makes a person of a row, or says in a sentence why it is none. The
// sentence has nothing of the row: it may be a password hash.
func (d *drafter) draft(values []string) (n store.Newcomer, fault string) {
	text := func(field string) string { return d.value(values, field) }
	given := NewUser{Email: text(core.ImportEmail), Username: text(core.ImportUsername), Profile: make(core.Profile, len(d.profiles))}
	for _, field := range d.profiles {
		value := strings.TrimSpace(values[d.places[field]])
		if value == "" {
			continue
		}
		f := d.profile[field.Field]
		if f.Type == core.ProfileBoolean {
			if is, ok := core.ParseBool(value); ok {
				value = map[bool]string{true: "true", false: "false"}[is]
			}
		}
		if f.CheckValue(value) != nil {
			return n, "The value of the profile field " + f.ID + " is not a " + string(f.Type) + " on one line."
		}
		given.Profile[f.ID] = value
	}
	if phone := text(core.ImportPhone); phone != "" {
		number, ok := core.ParsePhone(phone)
		if !ok {
			return n, "The phone number is not a person's with its country code, such as +1-808-555-0173."
		}
		given.Phone = number
	}
	user, emailKey, usernameKey, err := draft(given)
	if err != nil {
		return n, sentence(err)
	}
	user.ID, user.CreatedAt = d.newID(), d.now
	if created := text(core.ImportCreatedAt); created != "" {
		at, ok := core.ParseTime(created)
		if !ok || at.Before(time.Unix(0, 0)) || at.After(d.now) {
			return n, "The time of creation is none such as 2006-01-02T15:04:05Z, or it has yet to come."
		}
		user.CreatedAt = at.Truncate(time.Microsecond)
	}
	for field, into := range map[string]*bool{core.ImportVerified: &user.EmailVerified, core.ImportDisabled: &user.Disabled} {
		value := text(field)
		is, ok := core.ParseBool(value)
		if value != "" && !ok {
			return n, "The value of " + field + " is neither true nor false."
		}
		*into = is
	}
	if id := text(core.ImportUserID); id != "" {
		var ok bool
		if user.ID, ok = core.KeptUserID(id); !ok {
			return n, "The id is not 24 to 64 letters, digits, - and _."
		}
	}
	n.User, n.EmailKey, n.UsernameKey = user, emailKey, usernameKey
	if hash := text(core.ImportHash); hash != "" {
		phc, err := secret.EncodeForeign(d.hash, hash, text(core.ImportSalt))
		if err != nil {
			return n, "The password hash cannot be taken: " + err.Error() + "."
		}
		n.Password = core.Authenticator{ID: core.NewAuthenticatorID(), User: user.ID, Kind: core.AuthenticatorPassword, Secret: d.seal(user.ID, phc)}
	}
	return n, ""
}

// sentence is what is wrong with a person, from the error of [Draft].
func sentence(err error) string {
	if e, ok := errors.AsType[*core.Error](err); ok && len(e.Fields) > 0 {
		return e.Fields[0].Detail
	}
	return err.Error()
}
