package authn_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

// near wants a time of about now.
func near(t *testing.T, at time.Time) {
	t.Helper()
	if d := time.Since(at).Abs(); d > 10*time.Minute {
		t.Errorf("%s is not about now", at)
	}
}

// isID wants an opaque string of the server's.
func isID(t *testing.T, prefix, id string) {
	t.Helper()
	if tail, found := strings.CutPrefix(id, prefix); !found || len(tail) != 32 {
		t.Errorf("%q is not %s and 32 characters", id, prefix)
	}
}

// same wants a person by value. What a test cannot know, the id and the times,
// is looked at and taken out.
func same(t *testing.T, got *authn.User, want authn.User) {
	t.Helper()
	isID(t, "pui_", got.ID)
	near(t, got.CreatedAt)
	shown := *got
	shown.CreatedAt = time.Time{}
	if want.ID == "" {
		shown.ID = ""
	}
	if !want.LastLoginAt.IsZero() {
		near(t, shown.LastLoginAt)
		shown.LastLoginAt = want.LastLoginAt
	}
	if !reflect.DeepEqual(shown, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, shown), asJSON(t, want))
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestUserMethods(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		names := authn.Profile{"first_name": "Ana", "last_name": "Roe"}
		want := authn.User{Email: "Ana.Roe@example.org", Username: "Ana.Roe@example.org", Profile: names}

		created := ok(a.User.Create(ctx, authn.UserCreateRequest{Email: "Ana.Roe@EXAMPLE.org", Profile: names}))(t)
		same(t, created, want)
		want.ID, want.LockedOut = created.ID, new(false)
		for _, ref := range []authn.UserRef{authn.ByID(created.ID), authn.ByEmail("ana.roe@example.org"), authn.ByUsername("Ana.Roe@example.org")} {
			got := ok(a.User.Profile.Get(ctx, ref))(t)
			same(t, got, want)
			if !got.CreatedAt.Equal(created.CreatedAt) {
				t.Errorf("created at %s, then at %s", created.CreatedAt, got.CreatedAt)
			}
		}

		want.Profile = authn.Profile{"first_name": "Anabel", "phone": "18085550173"}
		same(t, ok(a.User.Profile.Update(ctx, authn.ProfileUpdateRequest{
			UserRef: authn.ByID(created.ID), Set: authn.Profile{"first_name": "Anabel", "phone": "18085550173"}, Remove: []string{"last_name"},
		}))(t), want)
		same(t, ok(a.User.Profile.Update(ctx, authn.ProfileUpdateRequest{UserRef: authn.ByID(created.ID)}))(t), want)
		delete(want.Profile, "phone")
		same(t, ok(a.User.Profile.Update(ctx, authn.ProfileUpdateRequest{
			UserRef: authn.ByID(created.ID), Set: authn.Profile{"phone": "1"}, Remove: []string{"phone"},
		}))(t), want)

		want.Disabled, want.Phone = true, "+18085550173"
		same(t, ok(a.User.Update(ctx, authn.UserUpdateRequest{UserRef: authn.ByEmail(created.Email), Disabled: new(true), Phone: new("+1-808-555-0173")}))(t), want)
		same(t, ok(a.User.Update(ctx, authn.UserUpdateRequest{UserRef: authn.ByEmail(created.Email), Unlock: true}))(t), want)
		want.Disabled, want.Phone = false, ""
		same(t, ok(a.User.Update(ctx, authn.UserUpdateRequest{UserRef: authn.ByEmail(created.Email), Disabled: new(false), Phone: new("")}))(t), want)

		if err := a.User.Delete(ctx, authn.ByUsername(created.Username)); err != nil {
			t.Fatal(err)
		}
		_, err := a.User.Profile.Get(ctx, authn.ByID(created.ID))
		refused(t, err, authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		refused(t, a.User.Delete(ctx, authn.ByID(created.ID)), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		same(t, ok(a.User.Create(ctx, authn.UserCreateRequest{Email: "bob@example.org"}))(t),
			authn.User{Email: "bob@example.org", Username: "bob@example.org", Profile: authn.Profile{}})
	})
}

func TestUserMethodsRefuse(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		ok(a.User.Create(ctx, authn.UserCreateRequest{Email: "ana@example.org"}))(t)
		for name, c := range map[string]struct {
			call     func() error
			problems []string
		}{
			"an address that is taken": {func() error {
				_, err := a.User.Create(ctx, authn.UserCreateRequest{Email: "ANA@example.org"})
				if !authn.HasProblem(err, "ItemNotUnique", "/email") || authn.HasProblem(err, "ItemNotUnique", "/username") {
					t.Errorf("HasProblem is wrong about %v", err)
				}
				return err
			}, []string{"ItemNotUnique /email"}},
			"no address": {func() error { _, err := a.User.Create(ctx, authn.UserCreateRequest{}); return err }, []string{"FieldRequired /email"}},
			"all that is wrong at once": {func() error {
				_, err := a.User.Create(ctx, authn.UserCreateRequest{Email: "nobody", Username: "?"})
				return err
			}, []string{"BadFormatEmail /email", "DoesNotMatchPattern /username"}},
			"nobody named": {func() error { _, err := a.User.Profile.Get(ctx, authn.UserRef{}); return err }, []string{"MustProvideOne"}},
			"named twice":  {func() error { return a.User.Delete(ctx, authn.UserRef{ID: "x", Email: "ana@example.org"}) }, []string{"MutuallyExclusive"}},
			"a phone without country": {func() error {
				_, err := a.User.Update(ctx, authn.UserUpdateRequest{UserRef: authn.ByEmail("ana@example.org"), Phone: new("0808")})
				return err
			}, []string{"DoesNotMatchPattern /phone"}},
			"an order that is none": {func() error {
				_, err := a.User.List(ctx, authn.UserListRequest{Order: "up", OrderBy: "shoe_size"})
				return err
			}, []string{"NotEnumMember /order", "NotEnumMember /order_by"}},
		} {
			t.Run(name, func(t *testing.T) {
				refused(t, c.call(), authn.StatusValidationError, http.StatusBadRequest, c.problems...)
			})
		}
	})
}

func TestUserList(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		empty := ok(a.User.List(ctx, authn.UserListRequest{}))(t)
		if len(empty.Users) != 0 || empty.Count != 0 || empty.Last != "" {
			t.Fatalf("a pool without people has %+v", empty)
		}
		var all []*authn.User
		for i := range 7 {
			profile := authn.Profile{"nickname": fmt.Sprintf("Nick%d", i)}
			if i == 6 {
				profile = authn.Profile{}
			}
			all = append(all, ok(a.User.Create(ctx, authn.UserCreateRequest{Email: fmt.Sprintf("user%d@example.org", i), Profile: profile}))(t))
		}
		ok(a.User.Update(ctx, authn.UserUpdateRequest{UserRef: authn.ByID(all[1].ID), Disabled: new(true), Phone: new("+18085550101")}))(t)
		// One of them signs in, so that sign-ins can be counted.
		signUp(t, a, "user7@example.net", authn.Profile{"first_name": "Eve"})

		page := ok(a.User.List(ctx, authn.UserListRequest{OrderBy: authn.OrderByEmail, Order: authn.Descending, Size: 3}))(t)
		if page.Count != 8 || page.Last == "" || emails(page.Users) != "user7@example.net user6@example.org user5@example.org" {
			t.Fatalf("the first page: %d, %q, %s", page.Count, page.Last, emails(page.Users))
		}
		same(t, &page.Users[1], authn.User{ID: all[6].ID, Email: "user6@example.org", Username: "user6@example.org", Profile: authn.Profile{}})
		same(t, &page.Users[0], authn.User{
			Email: "user7@example.net", Username: "user7@example.net", Profile: authn.Profile{"first_name": "Eve"},
			LastLoginAt: time.Now(), LastLoginIP: "127.0.0.1", LoginCount: 1,
		})
		var got []authn.User
		everybody := a.User.All(ctx, authn.UserListRequest{OrderBy: authn.OrderByCreatedAt, Size: 3})
		for range everybody {
			break // law: a loop may be left
		}
		for _, err := range everybody { // law: the next one begins where the first did
			ok(0, err)(t)
		}
		for u, err := range everybody {
			got = append(got, ok(u, err)(t))
		}
		if want := "user0@example.org user1@example.org user2@example.org user3@example.org user4@example.org user5@example.org user6@example.org user7@example.net"; emails(got) != want {
			t.Errorf("over all pages: %s", emails(got))
		}
		for _, err := range a.User.All(ctx, authn.UserListRequest{Last: "elsewhere"}) {
			refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /last")
		}

		login := ok(a.User.Profile.Get(ctx, authn.ByEmail("user7@example.net")))(t).LastLoginAt
		for name, c := range map[string]struct {
			filter authn.UserFilter
			want   string // the digits of the addresses, in order
		}{
			"nothing asked":         {authn.UserFilter{}, "01234567"},
			"id":                    {authn.UserFilter{ID: authn.TextFilter{Equals: all[3].ID}}, "3"},
			"id in":                 {authn.UserFilter{ID: authn.TextFilter{In: []string{all[3].ID, all[0].ID}}}, "03"},
			"email in any case":     {authn.UserFilter{Email: authn.TextFilter{Equals: "USER2@example.org"}}, "2"},
			"each part":             {authn.UserFilter{Email: authn.TextFilter{Contains: []string{"user", ".net"}}}, "7"},
			"one of no texts":       {authn.UserFilter{Email: authn.TextFilter{In: []string{}}}, ""},
			"username":              {authn.UserFilter{Username: authn.TextFilter{In: []string{"user1@example.org", "user4@example.org"}}}, "14"},
			"phone":                 {authn.UserFilter{Phone: authn.TextFilter{Contains: []string{"0101"}}}, "1"},
			"address":               {authn.UserFilter{LastLoginIP: authn.TextFilter{Equals: "127.0.0.1"}}, "7"},
			"agreements":            {authn.UserFilter{AcceptedEULAID: authn.TextFilter{Equals: "x"}, AcceptedPrivacyPolicyID: authn.TextFilter{Equals: "x"}}, ""},
			"disabled":              {authn.UserFilter{Disabled: new(true)}, "1"},
			"not disabled":          {authn.UserFilter{Disabled: new(false), Verified: new(false)}, "0234567"},
			"verified":              {authn.UserFilter{Verified: new(true)}, ""},
			"second factor":         {authn.UserFilter{RequireMFA: new(true)}, ""},
			"scopes":                {authn.UserFilter{Scopes: []string{"x"}}, ""},
			"created after":         {authn.UserFilter{CreatedAt: authn.TimeFilter{After: all[4].CreatedAt}}, "567"},
			"created not before":    {authn.UserFilter{CreatedAt: authn.TimeFilter{NotBefore: all[4].CreatedAt}}, "4567"},
			"created before":        {authn.UserFilter{CreatedAt: authn.TimeFilter{Before: all[2].CreatedAt}}, "01"},
			"created not after":     {authn.UserFilter{CreatedAt: authn.TimeFilter{NotAfter: all[2].CreatedAt}}, "012"},
			"created at":            {authn.UserFilter{CreatedAt: authn.TimeFilter{Equals: all[2].CreatedAt.In(time.FixedZone("", 3600))}}, "2"},
			"signed in at":          {authn.UserFilter{LastLoginAt: authn.TimeFilter{Equals: login}}, "7"},
			"count":                 {authn.UserFilter{LoginCount: authn.NumberFilter{Equals: new(int64(0))}}, "0123456"},
			"count above":           {authn.UserFilter{LoginCount: authn.NumberFilter{Above: new(int64(0))}}, "7"},
			"count at least":        {authn.UserFilter{LoginCount: authn.NumberFilter{AtLeast: new(int64(2))}}, ""},
			"count between":         {authn.UserFilter{LoginCount: authn.NumberFilter{Below: new(int64(2)), AtMost: new(int64(1))}}, "01234567"},
			"profile":               {authn.UserFilter{Profile: map[string]authn.ProfileFilter{"nickname": {Equals: "nick4"}}}, "4"},
			"one part of a profile": {authn.UserFilter{Profile: map[string]authn.ProfileFilter{"nickname": {Contains: []string{"k2", "k5"}}}}, "25"},
			"a field":               {authn.UserFilter{Profile: map[string]authn.ProfileFilter{"nickname": {Exists: new(false)}}}, "67"},
			"all must hold":         {authn.UserFilter{Email: authn.TextFilter{Contains: []string{"user"}}, Disabled: new(true), ID: authn.TextFilter{Equals: all[0].ID}}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				page := ok(a.User.List(ctx, authn.UserListRequest{Filter: c.filter, OrderBy: authn.OrderByEmail}))(t)
				var got strings.Builder
				for _, u := range page.Users {
					got.WriteByte(u.Email[len("user")])
				}
				if got.String() != c.want || page.Count != int64(len(c.want)) {
					t.Errorf("got %q of %d, want %q", got.String(), page.Count, c.want)
				}
			})
		}
	})
}

func emails(users []authn.User) string {
	var all []string
	for _, u := range users {
		all = append(all, u.Email)
	}
	return strings.Join(all, " ")
}

// Every order that the client names is one of the server's.
func TestUserOrders(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a := s.with(t, s.service)
		for _, by := range []authn.UserOrderBy{
			authn.OrderByID, authn.OrderByCreatedAt, authn.OrderByLastLoginAt, authn.OrderByLastLoginIP, authn.OrderByLoginCount, authn.OrderByEmail,
			authn.OrderByUsername, authn.OrderByAcceptedEULAID, authn.OrderByAcceptedPrivacyPolicyID,
		} {
			ok(a.User.List(t.Context(), authn.UserListRequest{OrderBy: by, Order: authn.Ascending}))(t)
		}
	})
}
