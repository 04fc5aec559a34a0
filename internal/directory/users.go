package directory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Directory keeps the people of all pools.
type Directory struct {
	store *store.Store
}

// New makes the keeper of a store's people.
func New(st *store.Store) *Directory { return &Directory{st} }

// NewUser is what an application creates a person from. Nothing is sent, and
// nothing is proved yet.
type NewUser struct {
	Email    string
	Username string // empty: the e-mail address
	Phone    string // E.164, or empty
	Profile  core.Profile
}

// Create makes a person. It returns [core.CodeTaken] if the address or the
// name is somebody's already.
func (d *Directory) Create(ctx context.Context, caller core.Caller, n NewUser) (core.User, error) {
	user, err := Draft(n)
	if err != nil {
		return core.User{}, err
	}
	err = d.store.As(caller).Update(ctx, func(tx *store.Tx) error { return Add(tx, &user) })
	return user, err
}

// Draft makes a person who is not stored yet, or says what is wrong.
func Draft(n NewUser) (core.User, error) {
	user, _, _, err := draft(n)
	return user, err
}

// draft is Draft, with by what the address and the name are the same as
// another's.
func draft(n NewUser) (user core.User, emailKey, usernameKey string, err error) {
	email, ok := core.ParseEmail(n.Email)
	problems := n.Profile.Check("/profile")
	if !ok {
		problems = append(problems, core.Problem{Code: core.ProblemEmail, Pointer: "/email", Detail: "This is not an e-mail address."})
	}
	user = core.User{ID: core.NewUserID(), Email: email.Text, Username: email.Text, Phone: n.Phone, Profile: n.Profile}
	if user.Profile == nil {
		user.Profile = core.Profile{}
	}
	usernameKey = email.Key
	if n.Username != "" && !strings.EqualFold(n.Username, n.Email) {
		// A name that reads as somebody's address is theirs alone.
		if same, isEmail := core.ParseEmail(n.Username); !isEmail || same.Key != email.Key {
			name, key, ok := core.ParseUsername(n.Username)
			if !ok {
				problems = append(problems, core.Problem{Code: core.ProblemFormat, Pointer: "/username", Detail: "A username has 2 to 320 letters, digits and . _ + -, is not reserved, and is no e-mail address but one's own."})
			}
			user.Username, usernameKey = name, key
		}
	}
	if len(problems) > 0 {
		return core.User{}, "", "", core.Invalid(problems...)
	}
	return user, email.Key, usernameKey, nil
}

// Add stores a person made by [Draft], within a transaction that may run more
// than once.
func Add(tx *store.Tx, user *core.User) error {
	user.CreatedAt, user.UpdatedAt, user.Version = tx.Now(), tx.Now(), 1
	if err := tx.CreateUser(*user); err != nil {
		return err
	}
	return tx.Record(core.Event{Name: core.EventUserCreated, Target: string(user.ID)})
}

// Get returns a person. It returns [core.CodeNotFound] for nobody.
func (d *Directory) Get(ctx context.Context, caller core.Caller, ref core.UserRef) (core.User, error) {
	var user core.User
	err := d.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
		user, err = Find(tx, ref)
		return err
	})
	return user, err
}

// Find returns a person by the one part of ref that is filled.
func Find(tx *store.Tx, ref core.UserRef) (core.User, error) {
	switch {
	case ref.ID != "":
		return tx.User(ref.ID)
	case ref.Email != "":
		email, ok := core.ParseEmail(ref.Email)
		if !ok {
			return core.User{}, core.Fail(core.CodeNotFound, "There is no such user.")
		}
		return tx.UserByEmail(email.Key)
	default:
		if email, ok := core.ParseEmail(ref.Username); ok {
			return tx.UserByUsername(email.Key)
		}
		return tx.UserByUsername(core.Fold(ref.Username))
	}
}

// List returns a page of people, how many match in all, and the cursor of the
// next page ("" on the last).
func (d *Directory) List(ctx context.Context, caller core.Caller, q core.Query) (users []core.User, total int64, next string, err error) {
	err = d.store.As(caller).View(ctx, func(tx *store.Tx) error {
		users, total, next, err = tx.Users(q)
		return err
	})
	return users, total, next, err
}

// Origin returns by which import a person came: "" for all others.
func (d *Directory) Origin(ctx context.Context, caller core.Caller, id core.UserID) (by core.ImportID, err error) {
	err = d.store.As(caller).View(ctx, func(tx *store.Tx) error {
		by, err = tx.ImportOf(id)
		return err
	})
	return by, err
}

// ProfileNames are the names of all fields that somebody's profile has, in
// order.
func (d *Directory) ProfileNames(ctx context.Context, caller core.Caller) (names []string, err error) {
	err = d.store.As(caller).View(ctx, func(tx *store.Tx) error {
		names, err = tx.ProfileNames()
		return err
	})
	return names, err
}

// UserChange is what an application may change of a person; nil leaves alone.
type UserChange struct {
	Disabled *bool
	Unlock   bool
	Phone    *string
	Profile  map[string]*string // nil values remove
}

// Change changes a person and returns them as they are then. Disabling
// somebody ends their sessions.
func (d *Directory) Change(ctx context.Context, caller core.Caller, ref core.UserRef, c UserChange) (core.User, error) {
	var user core.User
	err := d.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		var err error
		if user, err = Find(tx, ref); err != nil {
			return err
		}
		changed, err := apply(tx, &user, c)
		if err != nil || !changed {
			return err
		}
		user.UpdatedAt = tx.Now()
		if err := tx.UpdateUser(user); err != nil {
			return err
		}
		user.Version++
		return nil
	})
	return user, err
}

// apply changes the person in memory, records what for, and reports whether
// anything differs.
func apply(tx *store.Tx, user *core.User, c UserChange) (changed bool, err error) {
	record := func(name core.EventName, data map[string]string) {
		if err == nil {
			err = tx.Record(core.Event{Name: name, Target: string(user.ID), Data: data})
		}
	}
	if c.Disabled != nil && *c.Disabled != user.Disabled {
		user.Disabled, changed = *c.Disabled, true
		name := core.EventUserEnabled
		if user.Disabled {
			name = core.EventUserDisabled
			if user.Credentials, err = tx.ChangeCredentials(user.ID); err != nil {
				return false, err
			}
			if _, err := tx.EndSessionsOf(user.ID, ""); err != nil {
				return false, err
			}
		}
		record(name, nil)
	}
	if c.Unlock {
		if err := tx.Forgive(string(user.ID)); err != nil {
			return false, err
		}
		record(core.EventUserUnlocked, nil)
	}
	if c.Phone != nil && *c.Phone != user.Phone {
		user.Phone, changed = *c.Phone, true
		record(core.EventUserChanged, map[string]string{"fields": "phone"})
	}
	if len(c.Profile) > 0 {
		merged := user.Profile.Merge(c.Profile)
		if problems := merged.Check("/profile"); len(problems) > 0 {
			return false, core.Invalid(problems...)
		}
		if !maps.Equal(merged, user.Profile) {
			user.Profile, changed = merged, true
			names := slices.Sorted(maps.Keys(c.Profile))
			record(core.EventUserChanged, map[string]string{"fields": "profile", "profile": strings.Join(names, " ")})
		}
	}
	return changed, err
}

// Delete ends a person's sessions and forgets them.
func (d *Directory) Delete(ctx context.Context, caller core.Caller, ref core.UserRef) error {
	return d.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		user, err := Find(tx, ref)
		if err != nil {
			return err
		}
		if err := tx.DeleteUser(user.ID); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventUserDeleted, Target: string(user.ID)})
	})
}

// Locked reports whether a person is locked out now.
func (d *Directory) Locked(ctx context.Context, caller core.Caller, id core.UserID) (locked bool, err error) {
	err = d.store.As(caller).View(ctx, func(tx *store.Tx) error {
		until, err := tx.BlockedUntil(string(id))
		locked = !until.IsZero()
		return err
	})
	return locked, err
}
