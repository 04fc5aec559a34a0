package pangea_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestGroupsOfADay asks for groups by the beginning of a time, as the vendor's
// document has it for groups alone.
func TestGroupsOfADay(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		group := s.post(t, "/v2/group/create", `{"name":"a","type":"b"}`)
		id, at := group.field(t, "id"), group.field(t, "created_at") // 2006-01-02T15:04:05.000000Z
		moment, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		list := func(key, value string) answer {
			return s.post(t, "/v2/group/list", fmt.Sprintf(`{"filter":{"id":"%s",%q:%q}}`, id, key, value))
		}
		for _, field := range []string{"created_at", "updated_at"} {
			for _, n := range []int{4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27} {
				if a := list(field+"__contains", at[:n]); a.status != http.StatusOK || !strings.Contains(string(a.Result), `"count":1`) {
					t.Errorf("law: a time is found by its beginning; by %s it was not: %s", at[:n], a.body)
				}
			}
			for _, d := range []time.Duration{time.Microsecond, time.Second, time.Minute, time.Hour, 24 * time.Hour, 32 * 24 * time.Hour, 366 * 24 * time.Hour} {
				for _, other := range []time.Time{moment.Add(d), moment.Add(-d)} {
					text := other.Format("2006-01-02T15:04:05.000000Z")
					for n := len(text); n > 3; n-- {
						if strings.HasPrefix(at, text[:n]) || strings.HasPrefix(at, strings.TrimRight(text[:n], "-T:.")) {
							break
						}
						if a := list(field+"__contains", text[:n]); a.status == http.StatusOK && !strings.Contains(string(a.Result), `"count":0`) {
							t.Errorf("law: a time is not found by another's beginning; %s by %s was: %s", at, text[:n], a.body)
						}
					}
				}
			}
			for _, text := range []string{"", "2", "202", "2026-1", "2026-13", "2026-02-30", "2026-01-01 00", "2026-01-01T24", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00", "01-01", "yesterday", at + "Z", at + "0"} {
				if a := list(field+"__contains", text); a.errors() != "BadFormatDateTime /filter/"+field+"__contains" {
					t.Errorf("law: what is no beginning of a time is refused; %q was not: %s", text, a.body)
				}
			}
			for _, body := range []string{`["2026"]`, `2026`, `{}`} {
				if a := s.post(t, "/v2/group/list", `{"filter":{"`+field+`__contains":`+body+`}}`); a.errors() != "InvalidString /filter/"+field+"__contains" {
					t.Errorf("law: the beginning of a time is one text; %s is taken: %s", body, a.body)
				}
			}
			for _, key := range []string{field + "__in", field + "__exists", "description", "attributes", "name__gt", "member", "group"} {
				if a := list(key, "x"); a.errors() != "UnexpectedProperty /filter/"+key {
					t.Errorf("law: groups are searched by what the document names; by %s they are: %s", key, a.body)
				}
			}
		}
		// What only our own lists of members ask for is no filter of people either.
		for _, key := range []string{"group", "groups", "member"} {
			if a := s.post(t, "/v2/user/list", `{"filter":{"`+key+`":"`+id+`"}}`); a.errors() != "UnexpectedProperty /filter/"+key {
				t.Errorf("law: people are searched by what the document names; by %s they are: %s", key, a.body)
			}
		}
	})
}

func TestAsManyGroupsAsThereMayBeAtOnce(t *testing.T) {
	each(t, map[string]any{"groups.shown": 1000}, func(t *testing.T, s *server) {
		user := s.post(t, "/v2/user/create", `{"email":"ana@example.org","profile":{}}`).field(t, "id")
		var ids []string
		for i := range 33 {
			ids = append(ids, s.post(t, "/v2/group/create", fmt.Sprintf(`{"name":"g%d","type":"team"}`, i)).field(t, "id"))
		}
		assign := func(ids []string) answer {
			return s.post(t, "/v2/user/group/assign", `{"id":"`+user+`","group_ids":["`+strings.Join(ids, `","`)+`"]}`)
		}
		count := func(want int) {
			t.Helper()
			if a := s.post(t, "/v2/user/group/list", `{"id":"`+user+`"}`); !strings.Contains(string(a.Result), fmt.Sprintf(`"count":%d`, want)) {
				t.Errorf("law: somebody is in the groups that they were put in, which are %d; got %s", want, a.body)
			}
		}
		if a := assign(ids); a.errors() != "IsTooBig /group_ids" {
			t.Errorf("law: 33 groups at once are too many; got %s", a.body)
		}
		count(0)
		if a := assign(ids[:32]); a.status != http.StatusOK || string(a.Result) != "{}" {
			t.Errorf("law: 32 groups at once are not too many; got %s", a.body)
		}
		count(32)
		if a := assign(ids[1:]); a.status != http.StatusOK {
			t.Errorf("law: who is in some of the groups is put in the others; got %s", a.body)
		}
		count(33)
		if got := s.post(t, "/v2/user/profile/get", `{"id":"`+user+`"}`); strings.Count(string(got.Result), "pgi_") != 33 {
			t.Errorf("law: a pool may show as many groups as there are; got %s", got.body)
		}
	})
}
