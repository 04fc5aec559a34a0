package authing_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// FuzzGraphQL sends any body: the answer is JSON, each of its errors has an
// object with a number and a sentence, and none is a fault of ours.
func FuzzGraphQL(f *testing.F) {
	for _, body := range []string{
		"", "null", "[]", `{"query":"{user{id}}"}`, `{"query":"query($id:String){user(id:$id){id token ...A}} fragment A on User{email}","variables":{"id":null}}`,
		`{"query":"mutation($i:LoginByEmailInput!){loginByEmail(input:$i){id}}","variables":{"i":{"email":"a@b.example","password":"eA=="}}}`,
		`{"query":"mutation{registerByEmail(input:{email:\"a@b.example\",password:\"\",profile:{udf:[{key:\"k\",value:\"v\"}]}}){id}}"}`,
		`{"query":"{checkLoginStatus(token:\"x\"){code ... @skip(if:true){status}}}"}`, `{"query":"{__schema{types{name}}}"}`, `{"query":"{a:__typename}","operationName":null}`,
		`{"query":"{user{...A}} fragment A on User{...B} fragment B on User{...A}"}`, `{"query":"{users(page:9e99){totalCount}}"}`, `{"query":"\"\"\" {","variables":{"":{"":[null]}}}`,
	} {
		f.Add([]byte(body))
	}
	s := newServer(f, storetest.New(f), nil)
	door := web.NewServer(s.face, nil, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql/v2", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Authing-App-Id", s.app)
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		var got struct {
			Errors []struct {
				Message struct {
					Code    int
					Message string
				}
			}
			Data *json.RawMessage
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%q is answered by %d %q", body, w.Code, w.Body)
		}
		if w.Code >= 500 || (w.Code != http.StatusOK && len(got.Errors) == 0) {
			t.Errorf("%q is answered by %d %s", body, w.Code, w.Body)
		}
		for _, e := range got.Errors {
			if e.Message.Code == 0 || e.Message.Code == 500 || e.Message.Message == "" {
				t.Errorf("%q is answered by %s", body, w.Body)
			}
		}
	})
}
