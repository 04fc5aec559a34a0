package authn

import (
	"encoding/json"
	"time"
)

// UserFilter says which people a list is of. All that it says must hold; a
// field that is left zero says nothing.
type UserFilter struct {
	ID                      TextFilter
	Email                   TextFilter
	Username                TextFilter
	Phone                   TextFilter
	LastLoginIP             TextFilter
	AcceptedEULAID          TextFilter
	AcceptedPrivacyPolicyID TextFilter
	CreatedAt               TimeFilter
	LastLoginAt             TimeFilter
	LoginCount              NumberFilter
	Verified                *bool
	Disabled                *bool
	RequireMFA              *bool
	Scopes                  []string
	Profile                 map[string]ProfileFilter // by the name of a field
}

// TextFilter is a condition on a text. Names and addresses are compared
// without regard to case.
type TextFilter struct {
	Equals   string
	Contains []string // each of these parts
	In       []string // one of these texts
}

// TimeFilter is a condition on a time.
type TimeFilter struct {
	Equals    time.Time
	After     time.Time
	NotBefore time.Time
	Before    time.Time
	NotAfter  time.Time
}

// NumberFilter is a condition on a number.
type NumberFilter struct {
	Equals  *int64
	Above   *int64
	AtLeast *int64
	Below   *int64
	AtMost  *int64
}

// ProfileFilter is a condition on a field of the profile.
type ProfileFilter struct {
	Equals   string
	Contains []string // one of these parts
	Exists   *bool
}

// MarshalJSON writes the filter as the server reads it: by keys such as
// "email__contains".
func (f UserFilter) MarshalJSON() ([]byte, error) {
	keys := map[string]any{}
	for name, c := range map[string]TextFilter{
		"id": f.ID, "email": f.Email, "username": f.Username, "phone": f.Phone, "last_login_ip": f.LastLoginIP,
		"accepted_eula_id": f.AcceptedEULAID, "accepted_privacy_policy_id": f.AcceptedPrivacyPolicyID,
	} {
		c.put(keys, name)
	}
	for name, c := range map[string]TimeFilter{"created_at": f.CreatedAt, "last_login_at": f.LastLoginAt} {
		c.put(keys, name)
	}
	for ending, n := range map[string]*int64{
		"": f.LoginCount.Equals, "__gt": f.LoginCount.Above, "__gte": f.LoginCount.AtLeast, "__lt": f.LoginCount.Below, "__lte": f.LoginCount.AtMost,
	} {
		put(keys, "login_count"+ending, n, n != nil)
	}
	for name, b := range map[string]*bool{"verified": f.Verified, "disabled": f.Disabled, "require_mfa": f.RequireMFA} {
		put(keys, name, b, b != nil)
	}
	put(keys, "scopes", f.Scopes, len(f.Scopes) > 0)
	putProfile(keys, f.Profile)
	return json.Marshal(keys)
}

func putProfile(keys map[string]any, profile map[string]ProfileFilter) {
	for name, c := range profile {
		put(keys, "profile_"+name, c.Equals, c.Equals != "")
		put(keys, "profile_"+name+"__contains", c.Contains, len(c.Contains) > 0)
		put(keys, "profile_"+name+"__exists", c.Exists, c.Exists != nil)
	}
}

func (c TextFilter) put(keys map[string]any, name string) {
	put(keys, name, c.Equals, c.Equals != "")
	put(keys, name+"__contains", c.Contains, len(c.Contains) > 0)
	put(keys, name+"__in", c.In, c.In != nil)
}

func (c TimeFilter) put(keys map[string]any, name string) {
	for ending, at := range map[string]time.Time{"": c.Equals, "__gt": c.After, "__gte": c.NotBefore, "__lt": c.Before, "__lte": c.NotAfter} {
		put(keys, name+ending, at.UTC(), !at.IsZero())
	}
}

func put(keys map[string]any, name string, value any, given bool) {
	if given {
		keys[name] = value
	}
}
