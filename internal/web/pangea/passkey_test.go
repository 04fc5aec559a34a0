package pangea_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// origin is where the vendor's pages are: they belong to the application.
const origin = "https://someurl.com"

// vendorPage does with passkeys what the vendor's pages do: they put the user's
// id into base64url before they ask the browser, and take base64url off the
// user handle before they send what it answers.
type vendorPage struct {
	*server
	device flowtest.Device
	flow   string
}

func (v *vendorPage) call(t *testing.T, verb, choice, data string) answer {
	t.Helper()
	return v.post(t, "/v2/flow/"+verb, fmt.Sprintf(`{"flow_id":%q,"choice":%q,"data":%s}`, v.flow, choice, data))
}

func (v *vendorPage) start(t *testing.T, body string) answer {
	t.Helper()
	a := v.post(t, "/v2/flow/start", body)
	v.flow = a.field(t, "flow_id")
	return a
}

// passkey is the data of the choice; nil: it is not offered.
func (a answer) passkey(t *testing.T) map[string]any {
	t.Helper()
	var result struct {
		Choices []struct {
			Choice string
			Data   map[string]any
		} `json:"flow_choices"`
	}
	if err := json.Unmarshal(a.Result, &result); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	for _, c := range result.Choices {
		if c.Choice == "passkey" {
			return c.Data
		}
	}
	return nil
}

// options are those under a key of the data.
func options(t *testing.T, data map[string]any, key string) map[string]any {
	t.Helper()
	ceremony, ok := data[key].(map[string]any)
	if !ok || data["started"] != true {
		t.Fatalf("no %s was begun: %v", key, data)
	}
	return ceremony["publicKey"].(map[string]any)
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// register answers a registration. code is how often the id goes into base64url.
func (v *vendorPage) register(t *testing.T, from string, times int) answer {
	t.Helper()
	o := options(t, v.call(t, "restart", "passkey", "{}").passkey(t), "registration")
	user := o["user"].(map[string]any)
	for range times {
		user["id"] = base64.RawURLEncoding.EncodeToString([]byte(user["id"].(string)))
	}
	return v.call(t, "update", "passkey", `{"registration":`+string(v.device.Create(t, []byte(jsonText(t, o)), from, nil))+`}`)
}

// authenticate answers a sign-in.
func (v *vendorPage) authenticate(t *testing.T, from string, plain bool) answer {
	t.Helper()
	o := options(t, v.call(t, "restart", "passkey", "{}").passkey(t), "authentication")
	signed := v.device.Get(t, []byte(jsonText(t, o)), from, nil)
	if plain {
		var credential map[string]any
		if err := json.Unmarshal(signed, &credential); err != nil {
			t.Fatal(err)
		}
		response := credential["response"].(map[string]any)
		response["userHandle"] = string(flowtest.Unbase64(t, response["userHandle"].(string)))
		signed = []byte(jsonText(t, credential))
	}
	return v.call(t, "update", "passkey", `{"authentication":`+string(signed)+`}`)
}

func (a answer) is(t *testing.T, status string, http int, errors string) {
	t.Helper()
	if a.Status != status || a.status != http || a.errors() != errors {
		t.Errorf("got %d %s, want %d %s %s", a.status, a.body, http, status, errors)
	}
}

// Passkeys go by in the shapes that the vendor's pages read and send.
func TestPasskeysOfTheVendorsPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		v := &vendorPage{server: newServer(t, st, map[string]any{
			"passkey.rp_id": "someurl.com", "signin.primary": []string{"password", "passkey"}, "signup.verify_email": false, "profile.fields": []any{},
		})}
		const email = `{"email":"ana@example.org","cb_uri":"https://someurl.com/callbacklink"}`
		id := v.Person(t, v.app, "ana@example.org").ID
		wanted := "pui_" + strings.TrimPrefix(string(id), "usr_")

		// An offer, once all is proved, which nobody has to take.
		v.start(t, email)
		done := v.call(t, "update", "password", fmt.Sprintf(`{"password":%q}`, flowtest.Password))
		if done.field(t, "flow_phase") != "phase_completed" || jsonText(t, done.passkey(t)) != `{"enrollment":true,"started":false}` {
			t.Fatalf("after the password: %s", done.body)
		}
		begun := v.call(t, "restart", "passkey", "{}").passkey(t)
		o := options(t, begun, "registration")
		user, rp := o["user"].(map[string]any), o["rp"].(map[string]any)
		if user["id"] != wanted || user["name"] != "ana@example.org" || rp["id"] != "someurl.com" || len(begun) != 3 {
			t.Errorf("the registration is %v", begun)
		}
		v.call(t, "update", "passkey", `{"registration":{"id":"AA"}}`).is(t, "ValidationError", http.StatusBadRequest, "DoesNotMatchPattern /data/registration")
		v.call(t, "update", "passkey", `{"registration":{},"authentication":{}}`).is(t, "ValidationError", http.StatusBadRequest, "MutuallyExclusive /data/registration")
		v.call(t, "update", "passkey", `{"registration":"x"}`).is(t, "ValidationError", http.StatusBadRequest, "InvalidObject /data/registration")
		v.call(t, "update", "passkey", `{"complete":{}}`).is(t, "ValidationError", http.StatusBadRequest, "UnexpectedProperty /data/complete")
		v.register(t, "https://evil.example", 1).is(t, "AuthenticationFailure", http.StatusBadRequest, "")
		if jsonText(t, v.call(t, "update", "passkey", "{}").passkey(t)["started"]) != "true" {
			t.Error("a refused registration has ended the offer")
		}
		if made := v.register(t, origin, 1); made.Status != "Success" || made.passkey(t) != nil || made.field(t, "flow_phase") != "phase_completed" {
			t.Errorf("after the registration: %s", made.body)
		}
		if complete := v.post(t, "/v2/flow/complete", fmt.Sprintf(`{"flow_id":%q}`, v.flow)); complete.Status != "Success" {
			t.Errorf("completing: %s", complete.body)
		}

		list := v.post(t, "/v2/user/authenticators/list", `{"email":"ana@example.org"}`)
		if list.field(t, "authenticators", "1", "type") != "passkey" || list.field(t, "authenticators", "1", "rpid") != "someurl.com" || strings.Contains(string(list.body), "public_key") {
			t.Errorf("the authenticators are %s", list.body)
		}

		// After the identifier.
		named := v.start(t, email)
		if jsonText(t, named.passkey(t)) != `{"enrollment":false,"started":false}` {
			t.Errorf("by name: %s", named.body)
		}
		data := v.call(t, "restart", "passkey", "{}").passkey(t)
		if o := options(t, data, "authentication"); data["discovery"] != false || len(o["allowCredentials"].([]any)) != 1 || o["rpId"] != "someurl.com" || o["userVerification"] != "preferred" {
			t.Errorf("by name: %v", data)
		}
		v.authenticate(t, "https://evil.example", true).is(t, "AuthenticationFailure", http.StatusBadRequest, "")
		if in := v.authenticate(t, origin, true); in.Status != "Success" || in.field(t, "flow_phase") != "phase_completed" {
			t.Errorf("by name: %s", in.body)
		}
		// Once more, which is over.
		v.call(t, "restart", "passkey", "{}").is(t, "ValidationError", http.StatusBadRequest, "BadState /choice")

		// Before it: the passkey says who it is. Its handle may come as bytes
		// in base64url as well.
		for _, plain := range []bool{true, false} {
			v.start(t, `{}`)
			if data := v.call(t, "restart", "passkey", "{}").passkey(t); data["discovery"] != true {
				t.Errorf("by discovery: %v", data)
			}
			in := v.authenticate(t, origin, plain)
			if in.Status != "Success" || in.field(t, "flow_phase") != "phase_completed" || in.field(t, "email") != "ana@example.org" || !strings.Contains(string(in.Result), `"flow_type":["signin"]`) {
				t.Errorf("by discovery: %s", in.body)
			}
		}

		// A page that puts the id into base64url twice after a failure, and the
		// pages of the server, which know their people by another prefix.
		for name, times := range map[string]int{"bob@example.org": 2, "eve@example.org": 1} {
			up := v.start(t, fmt.Sprintf(`{"email":%q}`, name))
			if jsonText(t, up.passkey(t)) != `{"enrollment":true,"started":false}` {
				t.Errorf("signing up: %s", up.body)
			}
			if made := v.register(t, origin, times); made.Status != "Success" {
				t.Errorf("signing up: %s", made.body)
			}
			newest := v.device.Passkeys[len(v.device.Passkeys)-1]
			if times == 1 {
				newest.Handle = []byte("usr_" + strings.TrimPrefix(string(newest.Handle), "pui_"))
			}
			for _, plain := range []bool{true, times == 2} {
				v.start(t, `{}`)
				if in := v.authenticate(t, origin, plain); in.Status != "Success" || in.field(t, "email") != name {
					t.Errorf("%s: %s", name, in.body)
				}
			}
		}
	})
}
