package pangea_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

func TestSmoke(t *testing.T) {
	st := storetest.New(t)
	pools := pool.New(st)
	hasher := secret.NewHasher(secret.Cost{Memory: 64, Passes: 1, Threads: 1}, st.Keys().Pepper())
	pw := directory.NewPasswords(st, hasher)
	se := session.New(st)
	m := flow.New(st, pools, pw, se, func(p core.Pool) string { return "http://x/p/" + p.Name })
	f := pangea.New(pangea.Deps{Store: st, Pools: pools, Directory: directory.New(st), Passwords: pw, Sessions: se, Flows: m})
	srv := httptest.NewServer(web.NewServer(f, nil, slog.Default()))
	defer srv.Close()
	c, err := pools.Create(context.Background(), core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}, pool.NewPool{Name: "demo", Overrides: pangea.Preset()})
	if err != nil {
		t.Fatal(err)
	}
	post := func(path, body string) string {
		r, _ := http.NewRequest("POST", srv.URL+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+pangea.ServiceToken(c.ServiceKey.Reveal()))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		fmt.Println(path, res.StatusCode, string(b))
		return string(b)
	}
	post("/v2/user/create", `{"email":"joe@example.org","profile":{"first_name":"Joe"}}`)
	post("/v2/user/create", `{"email":"joe@example.org","profile":{"first_name":"Joe"}}`)
	post("/v2/user/create", `{"email":"joe","profile":{"first_name":3}}`)
	post("/v2/user/create", `{"email":"joe","Profile":{}}`)
	post("/v2/user/create", `{"email":"joe","email":"x"}`)
	post("/v2/user/list", `{"filter":{"email__contains":["JOE"],"profile_first_name":"joe"}}`)
	post("/v2/user/profile/update", `{"email":"joe@example.org","profile":{"last_name":"X"}}`)
	b := post("/v2/flow/start", `{"email":"ana@example.org","flow_types":["signup","signin"]}`)
	id := b[strings.Index(b, "pfl_"):][:36]
	post("/v2/flow/update", `{"flow_id":"`+id+`","choice":"password","data":{"password":"short"}}`)
	post("/v2/flow/update", `{"flow_id":"`+id+`","choice":"password","data":{"password":"My1s+Password"}}`)
	post("/v2/flow/update", `{"flow_id":"`+id+`","choice":"profile","data":{"profile":{"first_name":"Ana","last_name":"Roe"}}}`)
	b = post("/v2/flow/complete", `{"flow_id":"`+id+`"}`)
	tok := b[strings.Index(b, "ptu_"):][:36]
	ref := b[strings.Index(b, "ptr_"):][:36]
	post("/v2/client/token/check", `{"token":"`+tok+`"}`)
	post("/v2/client/session/refresh", `{"refresh_token":"`+ref+`","user_token":""}`)
	post("/v2/client/session/refresh", `{"refresh_token":"`+ref+`","user_token":"`+tok+`"}`)
	post("/v2/client/password/change", `{"token":"`+tok+`","old_password":"My1s+Password","new_password":"My2s+Password"}`)
	post("/v2/client/session/logout", `{"token":"`+tok+`"}`)
	post("/v2/client/token/check", `{"token":"`+tok+`"}`)
	b = post("/v2/flow/start", `{"email":"ana@example.org"}`)
	id = b[strings.Index(b, "pfl_"):][:36]
	post("/v2/flow/restart", `{"flow_id":"`+id+`","choice":"reset_password","data":{}}`)
	post("/v2/flow/update", `{"flow_id":"`+id+`","choice":"password","data":{"password":"My1s+Password"}}`)
	post("/v2/flow/update", `{"flow_id":"`+id+`","choice":"","data":{}}`)
	post("/v2/client/jwks", `{}`)
	post("/v2/nope", `{}`)
}
