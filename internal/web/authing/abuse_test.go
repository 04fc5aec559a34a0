package authing_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// post sends a body as it is.
func (s *server) post(t testing.TB, body string) answer {
	t.Helper()
	return s.do(t, ask{method: http.MethodPost, path: "/graphql/v2", app: s.app, language: "en-US", media: "application/json", body: []byte(body)})
}

// document asks for a document without variables.
func (s *server) document(t testing.TB, text string) answer {
	t.Helper()
	return s.query(t, "", text, nil)
}

// refused wants an answer in the vendor's form that ran nothing.
func refused(t *testing.T, name string, a answer, status, code int) {
	t.Helper()
	if a.status != status || a.code() != code || string(a.Data) != "null" || a.Errors[0].Message.Message == "" {
		t.Errorf("%s: want %d and %d, got %d %s", name, status, code, a.status, a.body)
	}
}

func (s *server) evaluated(t *testing.T, try func()) int64 {
	t.Helper()
	before := s.Hasher.Evaluated()
	try()
	return s.Hasher.Evaluated() - before
}

func TestG1OneSignInAnOperation(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		var many, two strings.Builder
		password := s.encrypt(t, flowtest.Password)
		for i := range 100 {
			fmt.Fprintf(&many, "a%d: loginByEmail(input: {email: \"ana@example.org\", password: \"x\"}) { id }\n", i)
		}
		fmt.Fprintf(&two, "loginByEmail(input: {email: \"a@example.org\", password: %q}) { id } b: registerByEmail(input: {email: \"b@example.org\", password: %q}) { id }", password, password)
		for name, document := range map[string]string{
			"a hundred by alias":        "mutation {" + many.String() + "}",
			"one of each":               "mutation {" + two.String() + "}",
			"two within fragments":      `mutation { ...A ...B } fragment A on Mutation { a: loginByEmail(input: {email: "a@b.example", password: "x"}) { id } } fragment B on Mutation { b: loginByEmail(input: {email: "a@b.example", password: "x"}) { id } }`,
			"two, one of them in a way": `mutation { a: loginByEmail(input: {email: "a@b.example", password: "x"}) { id } ... @include(if: true) { b: loginByEmail(input: {email: "a@b.example", password: "x"}) { id } } }`,
		} {
			if n := s.evaluated(t, func() { refused(t, name, s.document(t, document), http.StatusOK, 400) }); n != 0 {
				t.Errorf("law: %s: no password is compared; %d were", name, n)
			}
		}
		one := `mutation { loginByEmail(input: {email: "ana@example.org", password: "x"}) { id } a: loginByEmail(input: {email: "a@b.example", password: "x"}) @skip(if: true) { id } }`
		if n := s.evaluated(t, func() {
			if a := s.document(t, one); a.code() != 2333 {
				t.Errorf("law: what is skipped does not count: %s", a.body)
			}
		}); n != 1 {
			t.Errorf("law: one sign-in is one comparison; %d were made", n)
		}
		refused(t, "eleven checks of a token", s.document(t, "{"+aliases(11, "checkLoginStatus{code}")+"}"), http.StatusOK, 400)
	})
}

func aliases(n int, field string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d: %s ", i, field)
	}
	return b.String()
}

func TestG2NoBatches(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		one := `{"query":"{checkLoginStatus{code}}"}`
		for name, body := range map[string]string{
			"a hundred": "[" + strings.TrimSuffix(strings.Repeat(one+",", 100), ",") + "]", "one in a list": "[" + one + "]", "none": "[]",
			"two behind each other": one + one, "nothing": "", "null": "null", "text": `"x"`, "a number": "1", "no query": "{}", "an empty query": `{"query":""}`,
			"a list of queries": `{"query":["{user{id}}"]}`, "two queries": `{"query":"{user{id}}","query":"{user{id}}"}`, "cut off": `{"query":"{user{id}}"`,
			"variables in a list": `{"query":"{user{id}}","variables":[]}`, "variables in a text": `{"query":"{user{id}}","variables":"{}"}`,
			"an operation's number": `{"query":"{user{id}}","operationName":1}`,
		} {
			refused(t, name, s.post(t, body), http.StatusBadRequest, 400)
		}
		refused(t, "two operations, none named", s.document(t, `query a{user{id}} query b{user{id}}`), http.StatusOK, 400)
		refused(t, "an operation that is not there", s.post(t, `{"query":"query a{user{id}}","operationName":"b"}`), http.StatusOK, 400)
		if a := s.post(t, `{"query":"query a{user{id}} query b{checkLoginStatus{code}}","operationName":"b"}`); a.at(t, "checkLoginStatus", "code") != 2206.0 {
			t.Errorf("law: one of two may be named: %s", a.body)
		}
	})
}

func TestG3DeepAndWide(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		deep := func(n int) string {
			return "{user{" + strings.Repeat("departments{list{department{", n) + "id" + strings.Repeat("}}}", n) + "}}"
		}
		doubling := "{user{...F0}}"
		for i := range 30 {
			doubling += fmt.Sprintf(" fragment F%d on User{...F%d ... on User{...F%d}}", i, i+1, i+1)
		}
		doubling += " fragment F30 on User{id}"
		for name, document := range map[string]string{
			"500 deep":               deep(500 / 3),
			"11 deep":                "{user{departments{list{department{id}}}}}" + strings.Repeat(" ", 3) + deepFragment(),
			"6,000 aliases":          "{" + aliases(6_000, "user{id}") + "}",
			"1,001 fields":           "{user{" + strings.Repeat("id ", 1000) + "}}",
			"two to the 30th":        doubling,
			"100,000 tokens":         "{" + strings.Repeat("a ", 90_000/2) + "}",
			"brackets in the query":  strings.Repeat("{", 5000),
			"brackets in a value":    `{user(id:` + strings.Repeat("[", 4000) + `){id}}`,
			"a fragment of a circle": "{user{...A}} fragment A on User{departments{list{...B}}} fragment B on UserDepartment{department{...C}} fragment C on Node{users(page:1){list{...A}}}",
		} {
			refused(t, name, s.document(t, document), http.StatusOK, 400)
		}
		refused(t, "10,000 aliases", s.document(t, "{"+aliases(10_000, "user{id}")+"}"), http.StatusRequestEntityTooLarge, 413)
		refused(t, "a long body", s.document(t, "{user{id}}"+strings.Repeat(" ", 100_001)), http.StatusRequestEntityTooLarge, 413)
		refused(t, "a very long body", s.document(t, strings.Repeat(" ", 300_000)), http.StatusRequestEntityTooLarge, 413)
		refused(t, "deep variables", s.post(t, `{"query":"{user{id}}","variables":{"a":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}}`), http.StatusBadRequest, 400)
	})
}

// deepFragment nests beyond the limit through a fragment.
func deepFragment() string {
	return "query b{user{" + strings.Repeat("departments{list{department{", 3) + "...N" + strings.Repeat("}}}", 3) + "}} fragment N on Node{id}"
}

func TestG4Directives(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		for name, document := range map[string]string{
			"without end":                "{user " + strings.Repeat("@a", 20_000) + "{id}}",
			"many of one that there is":  "{user " + strings.Repeat("@skip(if:false)", 300) + "{id}}",
			"one that there is not":      "{user @live{id}}",
			"one on the operation":       "query @skip(if:true){user{id}}",
			"one without its argument":   "{user @include{id}}",
			"one of the schema's own":    "{user @deprecated{id}}",
			"an argument of another way": `{user @skip(if:"yes"){id}}`,
		} {
			refused(t, name, s.document(t, document), http.StatusOK, 400)
		}
	})
}

func TestG5FragmentsInACircle(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		for name, document := range map[string]string{
			"two":              "{user{...A}} fragment A on User{...B} fragment B on User{...A}",
			"one":              "{user{...A}} fragment A on User{...A}",
			"nobody uses them": "{user{id}} fragment A on User{...B} fragment B on User{...A}",
			"of the operation": "{...A} fragment A on Query{...A}",
			"one of no type":   "{user{...A}} fragment A on Nobody{id}",
			"one of another":   "{user{...A}} fragment A on Role{id}",
			"not there":        "{user{...A}}",
			"not used":         "{user{id}} fragment A on User{id}",
		} {
			refused(t, name, s.document(t, document), http.StatusOK, 400)
		}
	})
}

// No error names a part of the schema, or what might have been meant.
func TestG6ErrorsNameNothing(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		for name, try := range map[string]func() answer{
			"a field nearly right":    func() answer { return s.document(t, "{usr{id}}") },
			"a field below it":        func() answer { return s.document(t, "{user{emial}}") },
			"an argument":             func() answer { return s.document(t, `{user(i:"x"){id}}`) },
			"an argument left out":    func() answer { return s.document(t, `{role{id}}`) },
			"an enum":                 func() answer { return s.document(t, `{users(sortBy:CREATED){totalCount}}`) },
			"a type":                  func() answer { return s.document(t, `query($a:Strin){user(id:$a){id}}`) },
			"no selection":            func() answer { return s.document(t, `{user}`) },
			"a key of an input":       func() answer { return s.query(t, "", logging, map[string]any{"input": map[string]any{"emai": "x"}}) },
			"a key left out":          func() answer { return s.query(t, "", logging, map[string]any{"input": map[string]any{"email": "x"}}) },
			"another type":            func() answer { return s.query(t, "", logging, map[string]any{"input": 7}) },
			"nothing":                 func() answer { return s.query(t, "", logging, nil) },
			"not GraphQL":             func() answer { return s.document(t, `{user{`) },
			"an operation not served": func() answer { return s.document(t, `{userpools{totalCount}}`) },
		} {
			a := try()
			for _, word := range []string{"Did you mean", "String", "Input", "User", "email", "sortBy", "CREATEDAT", "code\":0", "Query"} {
				if strings.Contains(a.Errors[0].Message.Message, word) {
					t.Errorf("law: an error names no part of the schema; %s: %s", name, a.body)
				}
			}
			if a.status != http.StatusOK || a.code() == 200 {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
}

func TestG7OnlyJSONByPost(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		body := []byte(`{"query":"{checkLoginStatus{code}}"}`)
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead, http.MethodOptions} {
			a := s.do(t, ask{method: method, path: "/graphql/v2?query={checkLoginStatus{code}}", app: s.app, media: "application/json", body: body})
			if a.status != http.StatusMethodNotAllowed || (method != http.MethodHead && a.code() != 405) {
				t.Errorf("law: an operation comes by POST; %s answers %d", method, a.status)
			}
		}
		for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql", "text/plain; application/json", "application/json; charset=utf-16", "application/jsonp"} {
			a := s.do(t, ask{method: http.MethodPost, path: "/graphql/v2", app: s.app, media: media, body: body})
			refused(t, "as "+media, a, http.StatusUnsupportedMediaType, 415)
		}
		a := s.do(t, ask{method: http.MethodPost, path: "/graphql/v2", app: s.app, media: "application/json; charset=UTF-8", body: body})
		if a.status != http.StatusOK || a.code() != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// Everything that is shown of a person is shown to that person: no argument and
// no field leads to another one, whatever the pool, whatever the token.
func TestG8FieldsShowOnesOwn(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		ana, bob := s.token(t, "ana@example.org"), s.token(t, "bob@example.org")
		id := func(token string) string { return s.get(t, token, "/api/v2/users/me").at(t, "id").(string) }
		ids := map[string]string{ana: id(ana), bob: id(bob)}
		const asking = `query($id: String){user(id: $id){id email token}}`
		for name, c := range map[string]struct {
			token, id string
			code      int
		}{
			"one's own": {ana, ids[ana], 200}, "one's own, with our prefix": {ana, "usr_" + ids[ana], 200}, "nobody's": {ana, "", 200},
			"another's": {ana, ids[bob], 1001}, "no person's": {ana, "x", 1001}, "another's, without a token": {"", ids[bob], 2020},
			"one's own, without a token": {"", ids[ana], 2020},
		} {
			a := s.query(t, c.token, asking, map[string]any{"id": c.id})
			if a.code() != c.code || (c.code == 200 && a.at(t, "user", "id") != ids[c.token]) || (c.code != 200 && strings.Contains(string(a.body), "@example.org")) {
				t.Errorf("%s: %s", name, a.body)
			}
		}
		elsewhere := s.do(t, ask{path: "/api/v2/users/me", app: s.other, token: ana})
		if elsewhere.Code != 2020 {
			t.Errorf("law: a token opens nothing in another pool: %s", elsewhere.body)
		}
		for _, field := range []string{"roles{totalCount}", "groups{totalCount}", "departments{totalCount}", "authorizedResources{totalCount}", "mainDepartmentId", "expiredAt"} {
			if a := s.query(t, ana, "{user{id "+field+"}}", nil); a.code() != 501 || string(a.Data) != `{"user":null}` {
				t.Errorf("law: what nobody guards is not served; %s: %s", field, a.body)
			}
		}
	})
}

func TestG9Variables(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		for name, input := range map[string]string{
			"null": `null`, "text": `"x"`, "a number": `7`, "a huge number": `1e300`, "a list": `[]`, "a list of one": `[{"email":"a@b.example"}]`, "nothing in it": `{}`,
			"null where none may be": `{"email":null,"password":"x"}`, "a number for text": `{"email":7,"password":"x"}`, "a truth for text": `{"email":true,"password":"x"}`,
			"an object for text": `{"email":{},"password":"x"}`, "text for a truth": `{"email":"a@b.example","password":"x","autoRegister":"yes"}`,
			"a number for a truth": `{"email":"a@b.example","password":"x","autoRegister":1}`, "a list for text": `{"email":["a@b.example"],"password":"x"}`,
			"a key that is not there": `{"email":"a@b.example","password":"x","isAdmin":true}`, "a key in another case": `{"Email":"a@b.example","password":"x"}`,
		} {
			a := s.post(t, `{"query":`+quoted(t, logging)+`,"variables":{"input":`+input+`}}`)
			refused(t, name, a, http.StatusOK, 400)
		}
		for name, body := range map[string]string{
			"no such number": `{"query":"{user{id}}","variables":{"a":1e999}}`, "a key twice": `{"query":"{user{id}}","variables":{"a":1,"a":2}}`,
			"no UTF-8": "{\"query\":\"{user{id}}\",\"variables\":{\"a\":\"\xff\"}}",
		} {
			if a := s.post(t, body); a.code() != 400 && a.code() != 2020 {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		refused(t, "a huge number in the document", s.document(t, `{users(page:99999999999999999999){totalCount}}`), http.StatusOK, 400)
		refused(t, "a fraction for a number", s.post(t, `{"query":"query($p:Int){users(page:$p){totalCount}}","variables":{"p":1.5}}`), http.StatusOK, 400)
		nulls := `{"query":` + quoted(t, registering) + `,"variables":{"input":{"email":"a@b.example","password":` + quoted(t, s.encrypt(t, flowtest.Password)) +
			`,"profile":{"nickname":null,"udf":null},"forceLogin":null,"params":null,"context":null,"clientIp":null}}}`
		if a := s.post(t, nulls); a.code() != 200 {
			t.Errorf("law: null is as good as nothing, everywhere: %s", a.body)
		}
	})
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	raw, err := json.Marshal(text)
	must(t, err)
	return string(raw)
}

// badCiphertexts are the four classes of abuse case X1, several of each.
func (s *server) badCiphertexts(t *testing.T) map[string]string {
	t.Helper()
	// One in a hundred is text by chance, as short as that is: not these.
	noText := func(next func() []byte) string {
		for {
			ciphertext := base64.StdEncoding.EncodeToString(next())
			if password, _ := (secret.PasswordKeys{s.key}).Decrypt(ciphertext); !utf8.ValidString(password.Reveal()) {
				return ciphertext
			}
		}
	}
	random := func() []byte {
		b := make([]byte, 256)
		rand.Read(b)
		b[0] = 0
		return b
	}
	padded := func() []byte {
		block := random()
		block[1] = 1
		c := new(big.Int).Exp(new(big.Int).SetBytes(block), big.NewInt(int64(s.public.E)), s.public.N)
		return c.FillBytes(make([]byte, 256))
	}
	short := base64.StdEncoding.EncodeToString(random()[:128])
	return map[string]string{
		"good padding, wrong password": s.encrypt(t, "wrong password"), "good padding, no text": s.encrypt(t, "\xff\xfe\xfd\xfc\xfb\xfa"), "good padding, nothing": s.encrypt(t, ""),
		"bad padding": noText(padded), "random": noText(random),
		"not base64": "%%%%", "clear": flowtest.Password, "wrong length": short, "another cipher": "sm2:0400",
	}
}

// A password that does not decrypt is a wrong password: the same answer, the
// same work, the same count, the same line in the audit trail.
func TestX1BadCiphertextsLookAlike(t *testing.T) {
	each(t, map[string]any{"lockout.failures": 100}, func(t *testing.T, s *server) {
		ana := s.Person(t, s.pool, "ana@example.org")
		var first answer
		for name, ciphertext := range s.badCiphertexts(t) {
			for _, email := range []string{"ana@example.org", "nobody@example.org"} {
				events := len(s.Events(t, s.pool))
				var a answer
				n := s.evaluated(t, func() {
					a = s.query(t, "", logging, map[string]any{"input": map[string]any{"email": email, "password": ciphertext}})
				})
				if n != 1 {
					t.Errorf("law: each is compared once; %s for %s: %d times", name, email, n)
				}
				if first.body == nil {
					first = a
				}
				if a.status != first.status || !bytes.Equal(a.body, first.body) || a.code() != 2333 {
					t.Errorf("law: one answer to all; %s for %s: %s", name, email, a.body)
				}
				recorded := s.Events(t, s.pool)
				if len(recorded) != events+1 || recorded[0].Name != core.EventPasswordRefused || recorded[0].Reason != string(core.CodeWrongCredentials) {
					t.Errorf("law: each is recorded as what it is, a wrong password; %s: %+v", name, recorded[0])
				}
			}
		}
		_, err := s.Pools.Change(t.Context(), s.pool, flowtest.Settings(t, map[string]any{"lockout.failures": 5, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"}))
		must(t, err)
		s.query(t, "", logging, map[string]any{"input": map[string]any{"email": "ana@example.org", "password": "%%%%"}})
		if locked, err := s.Directory.Locked(t.Context(), s.pool, ana.ID); err != nil || !locked {
			t.Errorf("law: each counts as a wrong try: %v %v", locked, err)
		}
	})
}

// Sign-up refuses what does not decrypt, and that tells nothing of why: bad
// padding looks like good padding around what is no text.
func TestX1SignUpIsNoOracle(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		var first answer
		for name, ciphertext := range s.badCiphertexts(t) {
			if name == "good padding, wrong password" || name == "good padding, nothing" {
				continue
			}
			a := s.query(t, "", registering, map[string]any{"input": map[string]any{"email": "new@example.org", "password": ciphertext}})
			if first.body == nil {
				first = a
			}
			if a.code() != 2016 || !bytes.Equal(a.body, first.body) {
				t.Errorf("law: one answer to all; %s: %s", name, a.body)
			}
			if n := s.evaluated(t, func() {}); n != 0 {
				t.Error("nothing is compared")
			}
		}
		if a := s.login(t, "new@example.org", flowtest.Password, nil); a.code() != 2333 {
			t.Errorf("law: nobody was made: %s", a.body)
		}
	})
}

func TestIntrospection(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		const query = `query IntrospectionQuery { __schema { queryType { name } types { ...T } } } fragment T on __Type { name fields { type { ofType { ofType { ofType { ofType { ofType { ofType { ofType { name } } } } } } } } } }`
		events := len(s.Events(t, s.pool))
		a := s.document(t, query)
		if a.at(t, "__schema", "queryType", "name") != "Query" || len(a.at(t, "__schema", "types").([]any)) < 100 {
			t.Errorf("%d bytes, %d types: %.200s", len(a.body), len(a.at(t, "__schema", "types").([]any)), a.body)
		}
		_, err := s.Pools.Change(t.Context(), s.pool, flowtest.Settings(t, map[string]any{"graphql.introspection": false}))
		must(t, err)
		a = s.document(t, query)
		if string(a.body) != `{"data":null}` || a.status != http.StatusOK {
			t.Errorf("law: what is not told is null, which the SDK takes: %s", a.body)
		}
		if now := len(s.Events(t, s.pool)); now != events+1 { // the change of the setting
			t.Errorf("law: asking for the schema leaves no trace; %d events more", now-events)
		}
		for name, document := range map[string]string{
			"with another field": "{__schema{queryType{name}} user{id}}", "one type": `{__type(name:"User"){name}}`,
			"by another name": "{a:__schema{queryType{name}}}", "in a fragment": "{...A} fragment A on Query{__schema{queryType{name}}}",
		} {
			if a := s.document(t, document); a.code() != 501 || string(a.Data) != "null" {
				t.Errorf("law: the schema is not told by any other way; %s: %s", name, a.body)
			}
		}
		if a := s.document(t, "{__typename}"); a.at(t, "__typename") != "Query" {
			t.Errorf("%s", a.body)
		}
	})
}
