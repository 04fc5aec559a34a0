package authing_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
)

func TestSignUpAndIn(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		a := s.register(t, "Ana@Example.org", flowtest.Password, map[string]any{"profile": map[string]any{"nickname": "Nick", "company": "蒸汽记忆", "device": "phone"}})
		for field, want := range map[string]any{
			"email": "Ana@example.org", "emailVerified": false, "username": nil, "token": nil, "nickname": "Nick", "company": "蒸汽记忆",
			"loginsCount": 0.0, "newlyCreated": true,
		} {
			if got := a.at(t, "registerByEmail", field); got != want {
				t.Errorf("%s is %v, want %v: %s", field, got, want, a.body)
			}
		}
		id := a.at(t, "registerByEmail", "id").(string)
		if arn := a.at(t, "registerByEmail", "arn"); arn != "arn:cn:authing:"+authing.PoolID(s.pool.Pool)+":user:"+id || len(id) != 32 {
			t.Errorf("the person is %v, %s", arn, id)
		}

		a = s.login(t, "ana@EXAMPLE.org", flowtest.Password, map[string]any{"captchaCode": nil, "clientIp": nil, "params": nil, "autoRegister": false})
		token, _ := a.at(t, "loginByEmail", "token").(string)
		if token == "" || a.at(t, "loginByEmail", "id") != id || a.at(t, "loginByEmail", "loginsCount") != 1.0 || a.at(t, "loginByEmail", "newlyCreated") != false {
			t.Fatalf("%s", a.body)
		}

		a = s.query(t, "", checking, map[string]any{"token": token})
		if a.at(t, "checkLoginStatus", "status") != true || a.at(t, "checkLoginStatus", "code") != 200.0 || a.at(t, "checkLoginStatus", "data", "id") != id {
			t.Errorf("%s", a.body)
		}
		if life := a.at(t, "checkLoginStatus", "exp").(float64) - a.at(t, "checkLoginStatus", "iat").(float64); life != 14*24*3600 {
			t.Errorf("the token lives for %v seconds", life)
		}
		if a = s.query(t, token, checking, map[string]any{"token": nil}); a.at(t, "checkLoginStatus", "status") != true {
			t.Errorf("law: where no token is given, the bearer's counts: %s", a.body)
		}

		me := s.get(t, token, "/api/v2/users/me")
		if me.Code != 200 || me.at(t, "id") != id || me.at(t, "token") != token || me.at(t, "gender") != "U" || me.at(t, "password") != nil {
			t.Errorf("%s", me.body)
		}
		a = s.query(t, token, `query user($id: String) { user(id: $id) { id token identities { openid } customData { key } __typename } }`, nil)
		if a.at(t, "user", "id") != id || a.at(t, "user", "token") != token || a.at(t, "user", "__typename") != "User" {
			t.Errorf("%s", a.body)
		}

		if a = s.get(t, token, "/api/v2/logout?app_id="+s.app); a.Code != 200 {
			t.Errorf("%s", a.body)
		}
		if a = s.get(t, token, "/api/v2/users/me"); a.Code != 2020 || a.status != http.StatusOK {
			t.Errorf("law: a token that was signed out is none: %s", a.body)
		}
		if a = s.query(t, token, checking, nil); a.at(t, "checkLoginStatus", "status") != false || a.at(t, "checkLoginStatus", "code") != 2206.0 || len(a.Errors) != 0 {
			t.Errorf("law: a token that does not work is an answer, and no error: %s", a.body)
		}
	})
}

func TestRegisteringMaySignIn(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		for _, option := range []string{"forceLogin", "generateToken"} {
			a := s.register(t, option+"@example.org", flowtest.Password, map[string]any{option: true})
			token, _ := a.at(t, "registerByEmail", "token").(string)
			if me := s.get(t, token, "/api/v2/users/me"); me.Code != 200 || me.at(t, "loginsCount") != 1.0 {
				t.Errorf("%s: %s", option, me.body)
			}
		}
		a := s.login(t, "new@example.org", flowtest.Password, map[string]any{"autoRegister": true})
		if a.at(t, "loginByEmail", "newlyCreated") != true || a.at(t, "loginByEmail", "token") == nil {
			t.Errorf("%s", a.body)
		}
		a = s.login(t, "new@example.org", flowtest.Password, map[string]any{"autoRegister": true})
		if a.at(t, "loginByEmail", "newlyCreated") != false || a.at(t, "loginByEmail", "loginsCount") != 2.0 {
			t.Errorf("%s", a.body)
		}
		if a = s.login(t, "new@example.org", "another password", map[string]any{"autoRegister": true}); a.code() != 2333 {
			t.Errorf("%s", a.body)
		}
	})
}

func TestCustomData(t *testing.T) {
	fields := []map[string]any{
		{"id": "source", "label": "Source", "type": "string", "at_signup": true},
		{"id": "age", "label": "Age", "type": "integer", "at_signup": true},
		{"id": "vip", "label": "VIP", "type": "boolean", "at_signup": true},
		{"id": "plan", "label": "Plan", "type": "string"},
	}
	each(t, map[string]any{"profile.fields": fields}, func(t *testing.T, s *server) {
		a := s.register(t, "ana@example.org", flowtest.Password, map[string]any{"params": `[{"key":"source","value":"google"},{"key":"age","value":18},{"key":"vip","value":false}]`})
		if got := compact(t, a.at(t, "registerByEmail", "customData")); got != `[{"dataType":"STRING","key":"source","label":"Source","value":"google"},{"dataType":"NUMBER","key":"age","label":"Age","value":"18"},{"dataType":"BOOLEAN","key":"vip","label":"VIP","value":"false"}]` {
			t.Errorf("%s", got)
		}
		a = s.login(t, "ana@example.org", flowtest.Password, map[string]any{"params": `[{"key":"source","value":"letter"}]`})
		if got := compact(t, a.at(t, "loginByEmail", "customData")); !strings.Contains(got, `"value":"letter"`) || !strings.Contains(got, `"value":"18"`) {
			t.Errorf("%s", got)
		}
		for name, params := range map[string]string{
			"a number for text":             `[{"key":"source","value":1}]`,
			"text for a number":             `[{"key":"age","value":"18"}]`,
			"text for a truth":              `[{"key":"vip","value":"true"}]`,
			"an object":                     `[{"key":"source","value":{}}]`,
			"a fraction":                    `[{"key":"age","value":1.5}]`,
			"a field that is not asked for": `[{"key":"plan","value":"gold"}]`,
			"a field that is not there":     `[{"key":"admin","value":"yes"}]`,
			"no list":                       `{"key":"source"}`,
			"no JSON":                       `source=google`,
		} {
			if a := s.register(t, "bob@example.org", flowtest.Password, map[string]any{"params": params}); a.code() != 400 {
				t.Errorf("law: sign-up takes what the pool asks for; %s: %s", name, a.body)
			}
			if a := s.login(t, "ana@example.org", flowtest.Password, map[string]any{"params": params}); a.code() != 400 && name != "a fraction" {
				t.Errorf("law: so does sign-in; %s: %s", name, a.body)
			}
		}
	})
}

// Whatever a pool asks of people before they come in holds for this face too.
func TestWhatThePoolAsksFor(t *testing.T) {
	storeEach := func(values map[string]any, test func(t *testing.T, s *server)) { each(t, values, test) }
	storeEach(map[string]any{"signup.verify_email": true}, func(t *testing.T, s *server) {
		a := s.register(t, "ana@example.org", flowtest.Password, map[string]any{"forceLogin": true})
		if a.code() != 200 || a.at(t, "registerByEmail", "token") != nil {
			t.Fatalf("law: who must prove their mailbox is signed up and not in: %s", a.body)
		}
		if a = s.login(t, "ana@example.org", "another password", nil); a.code() != 2333 {
			t.Errorf("law: nothing is told before the right password: %s", a.body)
		}
		if a = s.login(t, "ana@example.org", flowtest.Password, nil); a.code() != 2042 {
			t.Fatalf("%s", a.body)
		}
		mails := s.Mail(t)
		if len(mails) != 1 || mails[0].Template != "verify_email" || mails[0].To != "ana@example.org" {
			t.Fatalf("a mail goes out: %+v", mails)
		}
		if _, err := s.Flows.OpenLink(t.Context(), s.pool, core.ChoiceVerifyEmail, flowtest.LinkCode(t, mails[0])); err != nil {
			t.Fatal(err)
		}
		if a = s.login(t, "ana@example.org", flowtest.Password, nil); a.code() != 200 {
			t.Errorf("law: who has proved it comes in: %s", a.body)
		}
	})
	storeEach(map[string]any{"signup.enabled": false}, func(t *testing.T, s *server) {
		if a := s.register(t, "ana@example.org", flowtest.Password, nil); a.code() != 2031 {
			t.Errorf("%s", a.body)
		}
		if a := s.login(t, "ana@example.org", flowtest.Password, map[string]any{"autoRegister": true}); a.code() != 2333 {
			t.Errorf("%s", a.body)
		}
		if a := s.login(t, "ana@example.org", flowtest.Password, nil); a.code() != 2333 {
			t.Errorf("law: nobody was made: %s", a.body)
		}
	})
	storeEach(map[string]any{"profile.fields": []map[string]any{{"id": "nickname", "label": "Nickname", "type": "string", "required": true, "at_signup": true}}}, func(t *testing.T, s *server) {
		if a := s.register(t, "ana@example.org", flowtest.Password, nil); a.code() != 1642 {
			t.Errorf("%s", a.body)
		}
		if a := s.register(t, "ana@example.org", flowtest.Password, map[string]any{"profile": map[string]any{"nickname": "N"}}); a.code() != 200 {
			t.Errorf("law: a refused sign-up leaves nobody behind: %s", a.body)
		}
	})
}

func TestErrorsByNumber(t *testing.T) {
	each(t, map[string]any{"password.blocklist": true, "lockout.failures": 3, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"}, func(t *testing.T, s *server) {
		s.Person(t, s.pool, "ana@example.org")
		disabled := s.Person(t, s.pool, "dis@example.org")
		yes := true
		change(t, s, disabled.ID, &yes)
		without, err := s.Directory.Create(t.Context(), s.pool, newUser("no@example.org"))
		must(t, err)
		_ = without
		for name, c := range map[string]struct {
			code int
			ask  func() answer
		}{
			"a wrong password":         {2333, func() answer { return s.login(t, "ana@example.org", "wrong password", nil) }},
			"nobody":                   {2333, func() answer { return s.login(t, "nobody@example.org", "wrong password", nil) }},
			"no address":               {2003, func() answer { return s.login(t, "ana", flowtest.Password, nil) }},
			"an empty address":         {2003, func() answer { return s.login(t, "", flowtest.Password, nil) }},
			"disabled":                 {2005, func() answer { return s.login(t, "dis@example.org", flowtest.Password, nil) }},
			"disabled, wrong password": {2333, func() answer { return s.login(t, "dis@example.org", "wrong password", nil) }},
			"no password of their own": {2027, func() answer { return s.login(t, "no@example.org", "wrong password", nil) }},
			"an address that is taken": {2026, func() answer { return s.register(t, "ANA@example.org", flowtest.Password, nil) }},
			"a bad address to sign up": {2003, func() answer { return s.register(t, "ana@", flowtest.Password, nil) }},
			"a short password":         {2029, func() answer { return s.register(t, "x@example.org", "short", nil) }},
			"a common password":        {2029, func() answer { return s.register(t, "x@example.org", "password123", nil) }},
			"an empty password":        {2029, func() answer { return s.register(t, "x@example.org", "", nil) }},
			"an unknown profile field": {400, func() answer {
				return s.register(t, "x@example.org", flowtest.Password, map[string]any{"profile": map[string]any{"website": "https://x.example"}})
			}},
			"a password in clear": {2016, func() answer {
				return s.query(t, "", registering, map[string]any{"input": map[string]any{"email": "x@example.org", "password": flowtest.Password}})
			}},
			"no password": {2032, func() answer {
				return s.query(t, "", registering, map[string]any{"input": map[string]any{"email": "x@example.org", "password": ""}})
			}},
			"a password in clear, compared": {2333, func() answer {
				return s.query(t, "", logging, map[string]any{"input": map[string]any{"email": "nobody@example.org", "password": flowtest.Password}})
			}},
			"nobody signed in":          {2020, func() answer { return s.query(t, "", `{user{id}}`, nil) }},
			"a token that is none":      {2020, func() answer { return s.query(t, "wrong token", `{user{id}}`, nil) }},
			"an operation to come":      {501, func() answer { return s.query(t, "", `mutation{deleteUser(id:"x"){code}}`, nil) }},
			"a field to come":           {501, func() answer { return s.query(t, s.token(t, "f@example.org"), `{user{roles{totalCount}}}`, nil) }},
			"somebody else":             {1001, func() answer { return s.query(t, s.token(t, "g@example.org"), `{user(id:"somebody"){id}}`, nil) }},
			"a token of no known shape": {2020, func() answer { return s.query(t, strings.Repeat("x", 5000), `{user{id}}`, nil) }},
		} {
			a := c.ask()
			if a.code() != c.code || a.status != http.StatusOK || a.Errors[0].Message.Message == "" {
				t.Errorf("%s: want %d, got %d %s", name, c.code, a.status, a.body)
			}
		}
		for range 3 {
			s.login(t, "ana@example.org", "wrong password", nil)
		}
		if a := s.login(t, "ana@example.org", flowtest.Password, nil); a.code() != 2057 || a.header.Get("Retry-After") == "" {
			t.Errorf("law: who was wrong too often is locked out: %s", a.body)
		}
	})
}

func TestPoolsAreChosenByHeader(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		token := s.token(t, "ana@example.org")
		id := authing.PoolID(s.pool.Pool)
		for name, c := range map[string]struct {
			ask  ask
			code int
		}{
			"the application":                        {ask{app: s.app}, 200},
			"the application, with our prefix":       {ask{app: "app_" + s.app}, 200},
			"the pool":                               {ask{pool: id}, 200},
			"the pool, with our prefix":              {ask{pool: "pol_" + id}, 200},
			"both":                                   {ask{app: s.app, pool: id}, 200},
			"neither":                                {ask{}, 2101},
			"blanks":                                 {ask{app: " ", pool: " "}, 2101},
			"an application that is none":            {ask{app: "nope"}, 2011},
			"a pool that is none":                    {ask{pool: "nope"}, 2224},
			"a pool's id for an application":         {ask{app: id}, 2011},
			"an application of another pool":         {ask{app: s.other}, 2020},
			"both, and they do not belong together":  {ask{app: s.other, pool: id}, 2011},
			"an application and a pool that is none": {ask{app: s.app, pool: "nope"}, 2011},
		} {
			c.ask.path, c.ask.token = "/api/v2/users/me", token
			if a := s.do(t, c.ask); a.Code != c.code || a.status != http.StatusOK {
				t.Errorf("%s: want %d, got %s", name, c.code, a.body)
			}
		}
	})
}

func TestPathsAndLanguages(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		if a := s.do(t, ask{path: "//api//v2/users/me", app: s.app}); a.Code != 2020 || a.Message != "尚未登录" {
			t.Errorf("law: slashes are cleaned, and Chinese is spoken to who says nothing: %s", a.body)
		}
		if a := s.do(t, ask{path: "/api/v2/users/me", app: s.app, language: "en-US"}); a.Message != "Nobody is signed in: send a token" {
			t.Errorf("%s", a.body)
		}
		if a := s.get(t, "", "/api/v2/users/me/orgs"); a.Code != 501 || a.status != http.StatusOK {
			t.Errorf("law: what is not built says so: %s", a.body)
		}
		if a := s.do(t, ask{method: http.MethodPost, path: "/api/v2/logout", app: s.app}); a.status != http.StatusMethodNotAllowed || a.Code != 405 {
			t.Errorf("%d %s", a.status, a.body)
		}
		a := s.get(t, "", "/api/v2/.well-known")
		if a.at(t, "publicKey") != s.key.Public() {
			t.Errorf("%s", a.body)
		}
		_, err := s.Pools.Change(t.Context(), s.pool, flowtest.Settings(t, map[string]any{"password.encrypted": false}))
		must(t, err)
		if a := s.get(t, "", "/api/v2/.well-known"); a.Code != 2016 {
			t.Errorf("%s", a.body)
		}
		for _, a := range []answer{s.login(t, "ana@example.org", flowtest.Password, nil), s.register(t, "ana@example.org", flowtest.Password, nil)} {
			if a.code() != 2016 {
				t.Errorf("law: where encrypted passwords are off, none is taken: %s", a.body)
			}
		}
	})
}

// Only pages that the pool sends browsers back to may read an answer to a
// request that was made with credentials.
func TestOrigins(t *testing.T) {
	each(t, map[string]any{"redirects.allowed": []string{"https://shop.example.org/callback"}}, func(t *testing.T, s *server) {
		for origin, want := range map[string][2]string{
			"https://shop.example.org": {"https://shop.example.org", "true"},
			"https://evil.example":     {"*", ""},
			"null":                     {"*", ""},
			"":                         {"*", ""},
		} {
			for _, a := range []answer{
				s.do(t, ask{path: "/api/v2/users/me", app: s.app, origin: origin}),
				s.do(t, ask{method: http.MethodPost, path: "/graphql/v2", app: s.app, origin: origin, media: "application/json", body: []byte(`{"query":"{user{id}}"}`)}),
			} {
				got := [2]string{a.header.Get("Access-Control-Allow-Origin"), a.header.Get("Access-Control-Allow-Credentials")}
				if got != want || a.header.Get("Vary") != "Origin" || a.header.Get("Set-Cookie") != "" {
					t.Errorf("%q gets %v, %v", origin, got, a.header)
				}
			}
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, s.url+"/graphql/v2", nil)
		must(t, err)
		r.Header.Set("Origin", "https://shop.example.org")
		r.Header.Set("Access-Control-Request-Method", "POST")
		response, err := http.DefaultClient.Do(r)
		must(t, err)
		defer response.Body.Close()
		if h := response.Header; response.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "https://shop.example.org" || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "x-authing-app-id") {
			t.Errorf("%d %v", response.StatusCode, h)
		}
	})
}

// Somebody new cannot get around a pool's captcha by an API that has none.
func TestSignUpNeedsThePoolsCaptcha(t *testing.T) {
	each(t, map[string]any{"signup.captcha": "altcha"}, func(t *testing.T, s *server) {
		a := s.register(t, "new@example.org", flowtest.Password, map[string]any{"forceLogin": true})
		if len(a.Errors) == 0 {
			t.Errorf("law: who signs up solves the captcha; got %s", a.body)
		}
		if _, err := s.Directory.Get(t.Context(), s.pool, core.UserRef{Email: "new@example.org"}); !core.Is(err, core.CodeNotFound) {
			t.Errorf("law: without it nobody comes to be; %v", err)
		}
	})
}
