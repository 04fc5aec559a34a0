package pangea_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// each runs a test of the face on both engines.
func each(t *testing.T, values map[string]any, test func(t *testing.T, s *server)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(t, newServer(t, st, values)) })
}

// people counts the pool's people.
func (s *server) people(t *testing.T) int64 {
	t.Helper()
	_, total, _, err := s.Directory.List(t.Context(), s.app, core.Query{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

func TestX20HostileJSON(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
		corpus := map[string]string{
			"":                                      "no body",
			" ":                                     "only a blank",
			"null":                                  "null",
			"[]":                                    "a list",
			`"x"`:                                   "a string",
			"1":                                     "a number",
			"{":                                     "cut off",
			`{"email":"a@b.example","profile":{}`:   "cut off later",
			`{"email":"a@b.example","profile":{}}x`: "text behind",
			`{"email":"a@b.example","profile":{}}{"email":"c@b.example","profile":{}}`:       "a second value behind",
			`{"email":"a@b.example","profile":{},}`:                                          "a comma too many",
			`{'email':'a@b.example','profile':{}}`:                                           "single quotes",
			`{email:"a@b.example",profile:{}}`:                                               "no quotes",
			`{"email":"a@b.example","profile":{}/**/}`:                                       "a comment",
			`{"email":"a@b.example","email":"c@b.example","profile":{}}`:                     "a key twice",
			`{"email":"a@b.example","profile":{"x":"1","x":"2"}}`:                            "a key twice below",
			`{"email":"a@b.example","profile":{},"em\u0061il":"c@b.example"}`:                "a key twice, escaped",
			`{"Email":"a@b.example","profile":{}}`:                                           "a key in another case",
			`{"EMAIL":"a@b.example","profile":{}}`:                                           "a key in capitals",
			`{"email":"a@b.example","Profile":{}}`:                                           "another key in another case",
			"{\"emaıl\":\"a@b.example\",\"profile\":{}}":                                     "a key with a dotless i",
			"{\"profıle\":{},\"email\":\"a@b.example\"}":                                     "another one",
			`{"email":"a@b.example","profile":{},"admin":true}`:                              "an unknown key",
			`{"email":"a@b.example","profile":{},"":""}`:                                     "an empty key",
			`{"email":"a@b.example","profile":{},"__proto__":{}}`:                            "a key of JavaScript",
			`{"email":1,"profile":{}}`:                                                       "a number for a string",
			`{"email":true,"profile":{}}`:                                                    "a boolean for a string",
			`{"email":["a@b.example"],"profile":{}}`:                                         "a list for a string",
			`{"email":{},"profile":{}}`:                                                      "an object for a string",
			`{"email":"a@b.example","profile":[]}`:                                           "a list for an object",
			`{"email":"a@b.example","profile":"x"}`:                                          "a string for an object",
			`{"email":"a@b.example","profile":{"x":1}}`:                                      "a number in the profile",
			`{"email":"a@b.example","profile":{"x":null}}x`:                                  "null and text behind",
			`{"email":"a@b.example","profile":{"x":{}}}`:                                     "an object in the profile",
			`{"email":"a@b.example"}`:                                                        "a key missing",
			`{"profile":{}}`:                                                                 "the other key missing",
			`{}`:                                                                             "both missing",
			`{"email":null,"profile":null}`:                                                  "both null",
			`{"email":"","profile":{}}`:                                                      "an empty address",
			`{"email":"a@b.example","profile":{"` + strings.Repeat("k", 65) + `":"v"}}`:      "a long name",
			`{"email":"a@b.example","profile":{"k":"` + strings.Repeat("v", 4097) + `"}}`:    "a long value",
			`{"email":"a@b.example","profile":{"k":"\u0000"}}`:                               "NUL",
			`{"email":"a@b.example\u0000","profile":{}}`:                                     "NUL in the address",
			"{\"email\":\"a@b.example\",\"profile\":{\"k\":\"\xff\"}}":                       "invalid UTF-8",
			"{\"email\":\"a@b.example\",\"profile\":{\"k\":\"\xed\xa0\x80\"}}":               "a surrogate in UTF-8",
			`{"email":"a@b.example","profile":{"k":"\ud800"}}`:                               "half a surrogate pair",
			"{\"email\":\"a@b.example\",\"profile\":{\"k\":\"a\nb\"}}":                       "a raw line break",
			"\xef\xbb\xbf" + `{"email":"a@b.example","profile":{}}`:                          "a byte order mark",
			`{"email":"a@b.example","profile":{"k":` + deep(40) + `}}`:                       "deep nesting",
			`{"email":"a@b.example","profile":{"k":` + deep(20_000) + `}}`:                   "very deep nesting",
			strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33):                      "deep objects",
			`{"email":"a@b.example","profile":{"k":1e400}}`:                                  "a huge number",
			`{"email":"a@b.example","profile":{"k":NaN}}`:                                    "no number",
			`{"email":"a@b.example","profile":{"k":0x1}}`:                                    "a hexadecimal number",
			`{"email":"a@b.example","profile":{"k":"\x41"}}`:                                 "an unknown escape",
			`{"email":"a@b.example","profile":{"k":"` + strings.Repeat("v", 300_000) + `"}}`: "a body too large",
			`{"email":"a@b.example","username":5,"profile":{}}`:                              "a wrong type beside",
			"\u2028{}":                             "a line separator before",
			`{"email":"a@b.example" "profile":{}}`: "a comma missing",
			`{"email":"a@b.example","profile":{}}` + strings.Repeat(" ", 300_000): "blanks without end",
		}
		if len(corpus) < 60 {
			t.Errorf("the corpus has %d bodies, want 60", len(corpus))
		}
		for body, what := range corpus {
			a := s.post(t, "/v2/user/create", body)
			if a.status != http.StatusBadRequest || a.Status != "ValidationError" || a.errors() == "" {
				t.Errorf("%s: %d %s %s", what, a.status, a.Status, a.errors())
			}
		}
		if n := s.people(t); n != 0 {
			t.Errorf("%d people came of it", n)
		}
		// A small request does not make a large answer.
		for _, body := range []string{`{"flow_types":[` + strings.Repeat(`"",`, 80_000) + `""]}`, `{"flow_types":["signup","signin","signup"]}`} {
			if a := s.post(t, "/v2/flow/start", body); a.status != 400 || len(a.body) > 4096 {
				t.Errorf("many flow types: %d with %d bytes", a.status, len(a.body))
			}
		}
		// Numbers in range, of the wrong kind, or out of range.
		for body, want := range map[string]string{
			`{"size":0}`: "IsTooSmall /size", `{"size":-1}`: "IsTooSmall /size", `{"size":1.5}`: "InvalidInteger /size", `{"size":"1"}`: "InvalidInteger /size",
			`{"size":1e30}`: "InvalidInteger /size", `{"size":99999999999999999999}`: "InvalidInteger /size", `{"filter":{"login_count__gt":1e30}}`: "InvalidInteger /filter/login_count__gt",
		} {
			if a := s.post(t, "/v2/user/list", body); a.status != 400 || a.errors() != want {
				t.Errorf("%s: %d %s, want %s", body, a.status, a.errors(), want)
			}
		}
	})
}

func TestX21ContentTypesAndMethods(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		body := []byte(`{"email":"a@b.example","profile":{}}`)
		for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16",
			"application/json; charset=iso-8859-1", "application/jsonp", "application/json, text/plain", "json", "text/json", "application/problem+json"} {
			if a := s.call(t, "POST", "/v2/user/create", s.service, media, body); a.status != http.StatusUnsupportedMediaType {
				t.Errorf("the type %q: %d %s", media, a.status, a.Status)
			}
		}
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE", "PROPFIND"} {
			if a := s.call(t, method, "/v2/user/create", s.service, "application/json", body); a.status != http.StatusMethodNotAllowed || a.Status == "" {
				t.Errorf("the method %s: %d %s", method, a.status, a.Status)
			}
		}
		for _, trick := range []string{"?_method=POST", ""} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v2/user/create"+trick, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-HTTP-Method-Override", "POST")
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+s.service)
			if a := s.do(t, r); a.status != http.StatusMethodNotAllowed {
				t.Errorf("overriding the method: %d", a.status)
			}
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v2/user/create", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Encoding", "gzip")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+s.service)
		if a := s.do(t, r); a.status != http.StatusUnsupportedMediaType {
			t.Errorf("a compressed body: %d", a.status)
		}
		if n := s.people(t); n != 0 {
			t.Errorf("%d people came of it", n)
		}
	})
}

func TestO21TokenConfusion(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		s.Person(t, s.app, "ana@example.org")
		ana := s.signIn(t, "ana@example.org")
		flowID := s.post(t, "/v2/flow/start", `{"email":"ana@example.org"}`).field(t, "flow_id")
		tail := func(token string) string { return token[4:] }
		// As the bearer: only the pool's own keys, by their own prefix.
		for name, token := range map[string]string{
			"nothing": "", "a user token": ana.user, "a refresh token": ana.refresh, "a flow": flowID, "an unknown key": unknown("pts_"), "a cut key": s.service[:35],
			"a longer key": s.service + "a", "the service key as a client's": "pcl_" + tail(s.service), "the client key as a service's": "pts_" + tail(s.client),
			"a key without its prefix": tail(s.service), "another prefix": "pti_" + tail(s.service), "two keys": s.service + " " + s.service, "a quote": "' OR 1=1--",
		} {
			if a := s.call(t, "POST", "/v2/user/list", token, "application/json", []byte(`{}`)); a.status != http.StatusUnauthorized || a.Status != "Unauthorized" {
				t.Errorf("%s as the bearer: %d %s", name, a.status, a.Status)
			}
		}
		// In the body: only a user token is one.
		for name, token := range map[string]string{
			"a refresh token": ana.refresh, "the service key": s.service, "the client key": s.client, "a refresh token as a user token": "ptu_" + tail(ana.refresh),
			"a key as a user token": "ptu_" + tail(s.service), "a flow as a user token": "ptu_" + tail(flowID), "an unknown one": unknown("ptu_"),
		} {
			if a := s.post(t, "/v2/client/token/check", `{"token":"`+token+`"}`); a.status != http.StatusBadRequest || a.Status == "Success" {
				t.Errorf("checking %s: %d %s", name, a.status, a.Status)
			}
		}
		for name, token := range map[string]string{"the user token": "ptr_" + tail(ana.user), "a key": "ptr_" + tail(s.service), "an unknown one": unknown("ptr_")} {
			if a := s.post(t, "/v2/client/session/refresh", `{"refresh_token":"`+token+`"}`); a.status != http.StatusBadRequest || a.Status != "InvalidToken" {
				t.Errorf("refreshing with %s: %d %s", name, a.status, a.Status)
			}
		}
		for name, code := range map[string]string{"the user token": tail(ana.user), "the refresh token": tail(ana.refresh), "a flow": tail(flowID)} {
			if a := s.post(t, "/v2/client/userinfo", `{"code":"pmc_`+code+`"}`); a.status != http.StatusBadRequest || a.Status != "InvalidToken" {
				t.Errorf("exchanging %s: %d %s", name, a.status, a.Status)
			}
		}
	})
}

func TestO24HugeTokensAreRefusedBeforeTheyAreLookedAt(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		for name, token := range map[string]string{
			"200,000 characters": "ptu_" + strings.Repeat("a", 200_000), "100,000 dots": strings.Repeat(".", 100_000),
			"three long parts": strings.Repeat("a", 60_000) + "." + strings.Repeat("b", 60_000) + "." + strings.Repeat("c", 60_000),
		} {
			if a := s.post(t, "/v2/client/token/check", `{"token":"`+token+`"}`); a.status != http.StatusBadRequest || a.errors() != "DoesNotMatchPattern /token" {
				t.Errorf("%s: %d %s", name, a.status, a.errors())
			}
			allocated := testing.AllocsPerRun(5, func() { _, _ = s.Sessions.Check(t.Context(), s.app, token) })
			if allocated > 10 {
				t.Errorf("%s: %v allocations to refuse it", name, allocated)
			}
		}
		a := s.call(t, "POST", "/v2/user/list", strings.Repeat("a", 8000), "application/json", []byte(`{}`))
		if a.status != http.StatusUnauthorized {
			t.Errorf("a long bearer: %d", a.status)
		}
	})
}

// T1 and T2: ids of another pool, in every place that takes one, name nothing.
func TestT1IdsOfAnotherPool(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		user := s.Person(t, s.app, "ana@example.org")
		ana := s.signIn(t, "ana@example.org")
		id := "pui_" + core.Tail(user.ID)
		flowID := s.post(t, "/v2/flow/start", `{"email":"ana@example.org"}`).field(t, "flow_id")
		sessionID := s.post(t, "/v2/session/list", `{}`).field(t, "sessions", "0", "id")
		factorID := s.post(t, "/v2/user/authenticators/list", `{"id":"`+id+`"}`).field(t, "authenticators", "0", "id")
		agreementID := s.post(t, "/v2/agreements/create", `{"type":"eula","name":"Terms","text":"x"}`).field(t, "id")
		groupID := s.post(t, "/v2/group/create", `{"name":"admins","type":"team"}`).field(t, "id")
		if a := s.post(t, "/v2/user/group/assign", `{"id":"`+id+`","group_ids":["`+groupID+`"]}`); a.status != http.StatusOK {
			t.Fatalf("putting somebody in a group: %s", a.body)
		}
		for path, body := range map[string]string{
			"/v2/group/get":                  `{"id":"` + groupID + `"}`,
			"/v2/group/update":               `{"id":"` + groupID + `","name":"x"}`,
			"/v2/group/delete":               `{"id":"` + groupID + `"}`,
			"/v2/group/user/list":            `{"id":"` + groupID + `"}`,
			"/v2/user/group/list":            `{"id":"` + id + `"}`,
			"/v2/user/group/assign":          `{"id":"` + id + `","group_ids":["` + groupID + `"]}`,
			"/v2/user/group/remove":          `{"id":"` + id + `","group_id":"` + groupID + `"}`,
			"/v2/agreements/update":          `{"type":"eula","id":"` + agreementID + `","active":true}`,
			"/v2/agreements/delete":          `{"type":"eula","id":"` + agreementID + `"}`,
			"/v2/user/authenticators/list":   `{"id":"` + id + `"}`,
			"/v2/user/authenticators/delete": `{"id":"` + id + `","authenticator_id":"` + factorID + `"}`,
			"/v2/user/password/expire":       `{"id":"` + id + `"}`,
			"/v2/session/invalidate":         `{"session_id":"` + sessionID + `"}`,
			"/v2/client/session/list":        `{"token":"` + ana.user + `"}`,
			"/v2/client/session/invalidate":  `{"token":"` + ana.user + `","session_id":"` + sessionID + `"}`,
			"/v2/user/profile/get":           `{"id":"` + id + `"}`,
			"/v2/user/profile/update":        `{"id":"` + id + `","profile":{"x":"1"}}`,
			"/v2/user/update":                `{"id":"` + id + `","disabled":true}`,
			"/v2/user/delete":                `{"id":"` + id + `"}`,
			"/v2/flow/update":                `{"flow_id":"` + flowID + `","choice":"","data":{}}`,
			"/v2/flow/restart":               `{"flow_id":"` + flowID + `","choice":"password","data":{}}`,
			"/v2/flow/complete":              `{"flow_id":"` + flowID + `"}`,
			"/v2/client/token/check":         `{"token":"` + ana.user + `"}`,
			"/v2/client/session/logout":      `{"token":"` + ana.user + `"}`,
			"/v2/client/session/refresh":     `{"refresh_token":"` + ana.refresh + `"}`,
			"/v2/client/password/change":     `{"token":"` + ana.user + `","old_password":"` + flowtest.Password + `","new_password":"another fine one 3"}`,
		} {
			a := s.call(t, "POST", path, s.other, "application/json", []byte(body))
			if a.status != http.StatusNotFound && a.Status != "InvalidToken" {
				t.Errorf("%s from another pool: %d %s", path, a.status, a.Status)
			}
		}
		if a := s.call(t, "POST", "/v2/user/list", s.other, "application/json", []byte(`{"filter":{"id":"`+id+`"}}`)); a.status != 200 || !bytes.Contains(a.Result, []byte(`"count":0`)) {
			t.Errorf("listing from another pool: %s", a.body)
		}
		if a := s.call(t, "POST", "/v2/session/list", s.other, "application/json", []byte(`{}`)); a.status != 200 || !bytes.Contains(a.Result, []byte(`"count":0`)) {
			t.Errorf("listing sessions from another pool: %s", a.body)
		}
		if a := s.call(t, "POST", "/v2/agreements/list", s.other, "application/json", []byte(`{}`)); a.status != 200 || !bytes.Contains(a.Result, []byte(`"count":0`)) {
			t.Errorf("listing agreements from another pool: %s", a.body)
		}
		if a := s.post(t, "/v2/agreements/list", `{"filter":{"active":false}}`); a.status != 200 || !bytes.Contains(a.Result, []byte(`"count":1`)) {
			t.Errorf("another pool changed the agreement: %s", a.body)
		}
		// Nor is somebody of that pool put in a group of this one.
		own := s.call(t, "POST", "/v2/user/create", s.other, "application/json", []byte(`{"email":"own@example.org","profile":{}}`)).field(t, "id")
		if a := s.call(t, "POST", "/v2/user/group/assign", s.other, "application/json", []byte(`{"id":"`+own+`","group_ids":["`+groupID+`"]}`)); a.errors() != "DoesNotExist /group_ids/0" {
			t.Errorf("putting somebody in a group of another pool: %s", a.body)
		}
		if a := s.call(t, "POST", "/v2/group/list", s.other, "application/json", []byte(`{"filter":{"id":"`+groupID+`"}}`)); a.status != 200 || !bytes.Contains(a.Result, []byte(`"count":0`)) {
			t.Errorf("listing groups from another pool: %s", a.body)
		}
		if a := s.post(t, "/v2/group/user/list", `{"id":"`+groupID+`"}`); a.field(t, "users", "0", "id") != id || !bytes.Contains(a.Result, []byte(`"count":1`)) {
			t.Errorf("another pool changed who is in the group: %s", a.body)
		}
		if a := s.post(t, "/v2/group/get", `{"id":"`+groupID+`"}`); a.field(t, "name") != "admins" {
			t.Errorf("another pool changed the group: %s", a.body)
		}
		if a := s.call(t, "POST", "/v2/session/logout", s.other, "application/json", []byte(`{"user_id":"`+id+`"}`)); a.status != 200 {
			t.Errorf("a logout of nobody from another pool: %s", a.body)
		}
		after, err := s.Directory.Get(t.Context(), s.app, core.UserRef{ID: user.ID})
		if err != nil || after.Disabled || after.Version != user.Version {
			t.Errorf("another pool changed the person to %+v (%v)", after, err)
		}
		if a := s.post(t, "/v2/client/token/check", `{"token":"`+ana.user+`"}`); a.status != 200 {
			t.Errorf("another pool ended the session: %s", a.body)
		}
	})
}

func TestT2TheKeyDecidesThePool(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		user := s.Person(t, s.app, "ana@example.org")
		other, err := s.Pools.Find(t.Context(), "demo")
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range []string{"X-Pool", "X-Pool-Id", "X-Authing-Userpool-Id", "X-Tenant-Id", "X-Gatehouse-Pool", "Host"} {
			r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v2/user/profile/get?pool="+string(other.ID), strings.NewReader(`{"id":"pui_`+core.Tail(user.ID)+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+s.other)
			r.Header.Set(header, string(other.ID))
			if header == "Host" {
				r.Host = "demo.example.org"
			}
			if a := s.do(t, r); a.status != http.StatusNotFound {
				t.Errorf("with the header %s another pool's key sees the person: %d", header, a.status)
			}
		}
	})
}

func TestT3UnknownPathsAnswerNothing(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		for _, path := range []string{
			"/ghost/v2/user/list", "/v1/user/list", "/v3/user/list", "/V2/user/list", "/v2/User/List", "/v2//user/list", "/v2/user/list/", "/v2/user%2Flist", "/v2/./user/list",
			"/v2/user/../user/list", "/v2/user/list;x", "/v2/user", "/v2/", "/v2", "/v2/request/x", "/request/", "/request/x/y",
		} {
			r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+path, strings.NewReader(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+s.service)
			client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode < 300 {
				t.Errorf("%s answers %d", path, response.StatusCode)
			}
			a := s.call(t, "POST", path, s.service, "application/json", []byte(`{}`))
			if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed && !strings.Contains(path, "..") && !strings.Contains(path, "./") && !strings.Contains(path, "//") {
				t.Errorf("%s answers %d %s in place of the envelope", path, a.status, a.body)
			}
		}
	})
}

func TestT15HiddenColumns(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		s.Person(t, s.app, "ana@example.org")
		for _, column := range []string{"password", "password_hash", "secret", "email_key", "username_key", "pool", "version", "value_key", "hash", "profile", "id) OR 1=1 --", "authenticators.secret", "otp"} {
			key, err := json.Marshal(column)
			if err != nil {
				t.Fatal(err)
			}
			if a := s.post(t, "/v2/user/list", fmt.Sprintf(`{"order_by":%s}`, key)); a.status != 400 || a.errors() != "NotEnumMember /order_by" {
				t.Errorf("ordering by %s: %d %s", column, a.status, a.body)
			}
			for _, ending := range []string{"", "__contains", "__in", "__gt", "__exists", "__like"} {
				value := `"a"`
				if ending == "__contains" || ending == "__in" {
					value = `["a"]`
				}
				filter, err := json.Marshal(column + ending)
				if err != nil {
					t.Fatal(err)
				}
				if a := s.post(t, "/v2/user/list", fmt.Sprintf(`{"filter":{%s:%s}}`, filter, value)); a.status != 400 || !strings.HasPrefix(a.errors(), "UnexpectedProperty /filter/") {
					t.Errorf("filtering by %s%s: %d %s", column, ending, a.status, a.body)
				}
			}
		}
	})
}

func TestI16MassAssignment(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		columns := []string{"id", "pool", "email_verified", "verified", "disabled", "login_count", "last_login_at", "last_login_ip", "created_at", "updated_at", "version",
			"accepted_eula_id", "accepted_privacy_policy_id", "locked_out", "authenticators", "password", "groups", "roles", "is_admin", "scopes", "phone"}
		for _, column := range columns {
			for _, value := range []string{"true", `"x"`, "1"} {
				a := s.post(t, "/v2/user/create", `{"email":"eve@example.org","profile":{},"`+column+`":`+value+`}`)
				if a.status != 400 || a.errors() != "UnexpectedProperty /"+column {
					t.Errorf("creating somebody with %s=%s: %d %s", column, value, a.status, a.body)
				}
			}
		}
		// In the profile they are what was written there, and nothing else.
		user := s.Person(t, s.app, "ana@example.org")
		profile := map[string]string{}
		for _, column := range columns {
			profile[column] = "true"
		}
		body, err := json.Marshal(map[string]any{"email": "ana@example.org", "profile": profile})
		if err != nil {
			t.Fatal(err)
		}
		if a := s.post(t, "/v2/user/profile/update", string(body)); a.status != 200 {
			t.Fatalf("writing the profile: %s", a.body)
		}
		after, err := s.Directory.Get(t.Context(), s.app, core.UserRef{ID: user.ID})
		if err != nil {
			t.Fatal(err)
		}
		after.Profile, after.UpdatedAt, after.Version = user.Profile, user.UpdatedAt, user.Version
		if fmt.Sprint(after) != fmt.Sprint(user) {
			t.Errorf("the profile changed more than the profile:\n%+v\n%+v", user, after)
		}
		for _, column := range []string{"verified", "login_count", "profile_x", "new_email", "email_verified", "password"} {
			if a := s.post(t, "/v2/user/update", `{"email":"ana@example.org","`+column+`":true}`); a.status != 400 || a.errors() != "UnexpectedProperty /"+column {
				t.Errorf("updating %s: %d %s", column, a.status, a.body)
			}
		}
	})
}

func TestI17NoWayToChangeAnAddressWithoutProof(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		user := s.Person(t, s.app, "ana@example.org")
		id := "pui_" + core.Tail(user.ID)
		for path, body := range map[string]string{
			"/v2/user/update":         `{"id":"` + id + `","email":"eve@example.org"}`,
			"/v2/user/profile/update": `{"id":"` + id + `","email":"eve@example.org","profile":{}}`,
		} {
			if a := s.post(t, path, body); a.status != 400 || a.errors() != "MutuallyExclusive " {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		if a := s.post(t, "/v2/user/profile/update", `{"id":"`+id+`","profile":{"email":"eve@example.org","username":"eve"}}`); a.field(t, "email") != "ana@example.org" || a.field(t, "username") != "ana@example.org" {
			t.Errorf("the profile changed the address: %s", a.body)
		}
		if _, err := s.Directory.Get(t.Context(), s.app, core.UserRef{Email: "eve@example.org"}); !core.Is(err, core.CodeNotFound) {
			t.Errorf("the other address is somebody's: %v", err)
		}
	})
}

func TestX25LogLinesCannotBeForged(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		forged := "\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\n"
		body, err := json.Marshal(map[string]any{"email": "ana@example.org" + forged, "profile": map[string]string{"n": forged}})
		if err != nil {
			t.Fatal(err)
		}
		s.post(t, "/v2/user/create", string(body))
		s.call(t, "POST", "/v2/%0A%7B%22level%22%3A%22ERROR%22%7D", s.service+forged[1:5], "application/json", nil)
		lines := 0
		for scan := bufio.NewScanner(bytes.NewReader(s.log.Bytes())); scan.Scan(); lines++ {
			var line struct{ Msg, Level string }
			if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
				t.Errorf("a line of the log is no JSON: %q", scan.Text())
			}
			if line.Msg == "forged" || line.Level == "ERROR" {
				t.Errorf("a client wrote the line %q", scan.Text())
			}
		}
		if lines < 2 {
			t.Errorf("the log has %d lines, want one for each request", lines)
		}
	})
}

func TestX26SecretsStayOutOfLogAndDatabase(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s := newServer(t, storetest.Open(t, database), nil)
		s.Person(t, s.app, "ana@example.org")
		ana := s.signIn(t, "ana@example.org")
		secrets := []string{s.service, s.client, ana.user, ana.refresh, "CANARY-old-password", "CANARY-new-password", "CANARY-wrong"}
		start := s.post(t, "/v2/flow/start", `{"email":"new@example.org"}`)
		id := start.field(t, "flow_id")
		s.post(t, "/v2/flow/update", `{"flow_id":"`+id+`","choice":"password","data":{"password":"CANARY-old-password"}}`)
		s.post(t, "/v2/flow/update", `{"flow_id":"`+id+`","choice":"profile","data":{"profile":{}}}`)
		s.post(t, "/v2/flow/complete", `{"flow_id":"`+id+`"}`)
		s.post(t, "/v2/client/password/change", `{"token":"`+ana.user+`","old_password":"CANARY-wrong","new_password":"CANARY-new-password"}`)
		s.post(t, "/v2/client/token/check", `{"token":"`+ana.user+`","x":"`+ana.refresh+`"}`)
		s.post(t, "/v2/client/session/refresh?token="+ana.refresh, `{"refresh_token":"`+ana.refresh+`"}`)
		s.call(t, "GET", "/request/"+ana.user, s.service, "", nil)
		reset := s.post(t, "/v2/flow/start", `{"email":"ana@example.org"}`).field(t, "flow_id")
		s.post(t, "/v2/flow/restart", `{"flow_id":"`+reset+`","choice":"reset_password","data":{}}`)
		for _, m := range s.Mail(t) {
			if m.Template == "reset_password" {
				secrets = append(secrets, flowtest.LinkCode(t, m))
			}
		}
		dump := fmt.Sprint(storetest.Dump(t, storetest.Raw(t, database), s.app.Pool))
		for _, secret := range secrets {
			bare := secret
			if _, tail, ok := strings.Cut(secret, "_"); ok && len(tail) == 32 {
				bare = tail
			}
			// A path is part of the log: what a client puts there by mistake is
			// its own. Everything else must be free of secrets.
			log := strings.ReplaceAll(s.log.String(), "/request/"+ana.user, "")
			if strings.Contains(log, bare) {
				t.Errorf("the log holds the secret %s", secret)
			}
			if strings.Contains(dump, bare) {
				t.Errorf("the database holds the secret %s in clear", secret)
			}
		}
	})
}

// While every hashing slot is taken, sign-ins are told to come back, at once,
// and nobody is locked out by it; everything else goes on.
func TestX28FullHashPool(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		s.Person(t, s.app, "ana@example.org")
		ana := s.signIn(t, "ana@example.org")
		id := s.post(t, "/v2/flow/start", `{"email":"ana@example.org"}`).field(t, "flow_id")
		guess := `{"flow_id":"` + id + `","choice":"password","data":{"password":"` + flowtest.Password + `"}}`

		release := s.holdEverySlot(t)
		var busy, checked int
		var mu sync.Mutex
		var running sync.WaitGroup
		for range 20 {
			running.Go(func() {
				a := s.post(t, "/v2/flow/update", guess)
				mu.Lock()
				defer mu.Unlock()
				if a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "" && a.Status == "ServiceNotAvailable" {
					busy++
				}
			})
			running.Go(func() {
				a := s.post(t, "/v2/client/token/check", `{"token":"`+ana.user+`"}`)
				mu.Lock()
				defer mu.Unlock()
				if a.status == http.StatusOK {
					checked++
				}
			})
		}
		running.Wait()
		release()
		if busy != 20 || checked != 20 {
			t.Errorf("%d of 20 sign-ins were told to come back, %d of 20 checks were answered", busy, checked)
		}
		if a := s.post(t, "/v2/flow/update", guess); a.status != http.StatusOK {
			t.Errorf("afterwards the right password is refused: %s", a.body)
		}
	})
}

// holdEverySlot takes all hashing slots until release is called.
func (s *server) holdEverySlot(t *testing.T) (release func()) {
	t.Helper()
	var held []interface{ Release() }
	for {
		slot, err := s.Hasher.Acquire(t.Context())
		if err != nil {
			break
		}
		held = append(held, slot)
	}
	return func() {
		for _, slot := range held {
			slot.Release()
		}
	}
}

func TestX30PanicsDoNotEndTheServer(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		// A transaction that panics, on the connection that all writers share.
		err := s.Store.As(s.app).Update(t.Context(), func(*store.Tx) error { panic("planted") })
		if err == nil || core.CodeOf(err) != core.CodeInternal {
			t.Errorf("a panic in a transaction gave %v", err)
		}
		if a := s.post(t, "/v2/user/create", `{"email":"ana@example.org","profile":{}}`); a.status != 200 {
			t.Errorf("after it: %s", a.body)
		}
	})
}

func TestCORS(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		for _, path := range []string{"/v2/flow/start", "/v2/client/userinfo", "/request/" + unknown("prq_"), "/v2/nothing"} {
			r, err := http.NewRequestWithContext(t.Context(), "OPTIONS", s.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", "https://app.example.org")
			r.Header.Set("Access-Control-Request-Method", "POST")
			a := s.do(t, r)
			if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") {
				t.Errorf("preflight of %s: %d %v", path, a.status, a.header)
			}
			if a := s.call(t, "POST", path, "", "application/json", []byte(`{}`)); a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("the refusal of %s has the headers %v", path, a.header)
			}
		}
	})
}

func TestPollOfARequest(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		id := unknown("prq_")
		if a := s.call(t, "GET", "/request/"+id, s.service, "", nil); a.status != 404 || a.Status != "NotFound" {
			t.Errorf("an unknown request: %d %s", a.status, a.Status)
		}
		if a := s.call(t, "GET", "/request/x", s.service, "", nil); a.status != 400 || a.errors() != "DoesNotMatchPattern /request_id" {
			t.Errorf("no id: %d %s", a.status, a.body)
		}
		err := s.Store.As(s.app).Update(t.Context(), func(tx *store.Tx) error {
			return tx.PutNote("pangea", "request "+id, `{"done":"yes"}`, tx.Now().Add(time.Hour))
		})
		if err != nil {
			t.Fatal(err)
		}
		if a := s.call(t, "GET", "/request/"+id, s.client, "", nil); a.status != 200 || a.field(t, "done") != "yes" {
			t.Errorf("a finished request: %d %s", a.status, a.body)
		}
		if a := s.call(t, "GET", "/request/"+id, s.other, "", nil); a.status != 404 {
			t.Errorf("another pool's request: %d", a.status)
		}
	})
}

func TestRequestIDIsInHeaderAndBody(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		var body struct {
			ID string `json:"request_id"`
		}
		for _, path := range []string{"/v2/user/list", "/v2/nothing", "/v2/client/jwks"} {
			a := s.post(t, path, `{}`)
			if err := json.Unmarshal(a.body, &body); err != nil || body.ID == "" || a.header.Get("X-Request-Id") != body.ID {
				t.Errorf("%s: the header has %q, the body %q", path, a.header.Get("X-Request-Id"), body.ID)
			}
		}
	})
}
