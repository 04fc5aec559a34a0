package pangea

import (
	"cmp"
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
)

// user is a person as the vendor shows one. The key "authenticators" is left
// out: the Go SDK cannot read a created user that has it.
type user struct {
	ID                      string            `json:"id"`
	Email                   string            `json:"email"`
	Username                string            `json:"username"`
	Phone                   string            `json:"phone,omitempty"`
	Profile                 map[string]string `json:"profile"`
	Verified                bool              `json:"verified"`
	Disabled                bool              `json:"disabled"`
	LockedOut               *bool             `json:"locked_out,omitempty"`
	AcceptedEULAID          string            `json:"accepted_eula_id,omitempty"`
	AcceptedPrivacyPolicyID string            `json:"accepted_privacy_policy_id,omitempty"`
	LastLoginAt             string            `json:"last_login_at,omitempty"`
	LastLoginIP             string            `json:"last_login_ip,omitempty"`
	LastLoginCity           string            `json:"last_login_city,omitempty"`
	LastLoginCountry        string            `json:"last_login_country,omitempty"`
	LoginCount              int64             `json:"login_count"`
	Groups                  []string          `json:"groups,omitempty"`
	CreatedAt               string            `json:"created_at"`
}

// newUser shows a person. Where they signed in last is what the operator's file
// says of that address today.
func (f *Face) newUser(u core.User) user {
	shown := user{
		ID: UserID(u.ID), Email: u.Email, Username: u.Username, Phone: u.Phone, Profile: u.Profile, Verified: u.EmailVerified,
		Disabled: u.Disabled, AcceptedEULAID: shownAgreement(u, core.AgreementTerms), AcceptedPrivacyPolicyID: shownAgreement(u, core.AgreementPrivacy),
		LastLoginIP: u.LastLoginAddress, LoginCount: u.LoginCount, CreatedAt: showTime(u.CreatedAt),
	}
	if !u.LastLoginAt.IsZero() {
		shown.LastLoginAt = showTime(u.LastLoginAt)
	}
	if place, unknown := f.Risk.Place(u.LastLoginAddress); unknown == "" {
		shown.LastLoginCity, shown.LastLoginCountry = place.City, cmp.Or(place.Name, place.Country)
	}
	return shown
}

// usersWithGroups are people with the groups that they are in.
func (f *Face) usersWithGroups(ctx context.Context, caller core.Caller, users []core.User) ([]user, error) {
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return nil, err
	}
	groups, err := f.Groups.Shown(ctx, caller, settings, users)
	if err != nil {
		return nil, err
	}
	shown := make([]user, 0, len(users))
	for _, u := range users {
		one := f.newUser(u)
		for _, id := range groups[u.ID] {
			one.Groups = append(one.Groups, show(prefixGroup, id))
		}
		shown = append(shown, one)
	}
	return shown, nil
}

// userWithLock is a person with their groups and whether they are locked out,
// which takes another look.
func (f *Face) userWithLock(ctx context.Context, caller core.Caller, u core.User, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	locked, err := f.Directory.Locked(ctx, caller, u.ID)
	if err != nil {
		return nil, err
	}
	shown, err := f.usersWithGroups(ctx, caller, []core.User{u})
	if err != nil {
		return nil, err
	}
	shown[0].LockedOut = &locked
	return shown[0], nil
}

// userRef is how a request names a person: by exactly one of three.
type userRef struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	Username string `json:"username"`
}

func (r *userRef) checkRef(p *problems) { p.exactlyOne(r.ID, r.Email, r.Username) }

func (r *userRef) ref() core.UserRef {
	ref := core.UserRef{Email: r.Email, Username: r.Username}
	if r.ID != "" {
		ref.ID = userID(r.ID)
	}
	return ref
}

type userCreate struct {
	common
	Email    string            `json:"email"`
	Username string            `json:"username"`
	Profile  map[string]string `json:"profile"`
}

func (in *userCreate) check(p *problems) {
	if p.required("/email", in.Email) {
		p.email("/email", in.Email)
	}
	p.username("/username", in.Username)
	if in.Profile == nil {
		p.add(core.ProblemRequired, "/profile", "This is required.")
	}
}

func (f *Face) userCreate(ctx context.Context, caller core.Caller, in userCreate) (any, error) {
	u, err := f.Directory.Create(ctx, caller, directory.NewUser{Email: in.Email, Username: in.Username, Profile: in.Profile})
	if err != nil {
		return nil, err
	}
	return f.newUser(u), nil
}

type userSelect struct {
	common
	userRef
}

func (in *userSelect) check(p *problems) { in.checkRef(p) }

// userDelete answers null, which the Python SDK's own tests ask for.
func (f *Face) userDelete(ctx context.Context, caller core.Caller, in userSelect) (any, error) {
	return nil, f.Directory.Delete(ctx, caller, in.ref())
}

func (f *Face) userProfileGet(ctx context.Context, caller core.Caller, in userSelect) (any, error) {
	u, err := f.Directory.Get(ctx, caller, in.ref())
	return f.userWithLock(ctx, caller, u, err)
}

type userProfileUpdate struct {
	common
	userRef
	Profile map[string]*string `json:"profile"`
}

func (in *userProfileUpdate) check(p *problems) {
	in.checkRef(p)
	if in.Profile == nil {
		p.add(core.ProblemRequired, "/profile", "This is required.")
	}
}

func (f *Face) userProfileUpdate(ctx context.Context, caller core.Caller, in userProfileUpdate) (any, error) {
	u, err := f.Directory.Change(ctx, caller, in.ref(), directory.UserChange{Profile: in.Profile})
	return f.userWithLock(ctx, caller, u, err)
}

type userUpdate struct {
	common
	userRef
	Disabled *bool   `json:"disabled"`
	Unlock   *bool   `json:"unlock"`
	Phone    *string `json:"phone"`
}

func (in *userUpdate) check(p *problems) {
	in.checkRef(p)
	if in.Phone != nil && *in.Phone != "" { // an empty one takes the number away
		phone := p.phone("/phone", *in.Phone)
		in.Phone = &phone
	}
}

func (f *Face) userUpdate(ctx context.Context, caller core.Caller, in userUpdate) (any, error) {
	change := directory.UserChange{Disabled: in.Disabled, Unlock: in.Unlock != nil && *in.Unlock, Phone: in.Phone}
	u, err := f.Directory.Change(ctx, caller, in.ref(), change)
	return f.userWithLock(ctx, caller, u, err)
}
