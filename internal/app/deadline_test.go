package app

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// A transaction that the database holds up ends with its request: the
// connection is free again, and nothing was written. The database itself would
// wait for ever here, so that nothing else ends it (R23).
func TestR23ADeadlineReachesTheDatabase(t *testing.T) {
	database := storetest.Postgres(t)
	a := open(t, Mode{}, func(c *config.Config) {
		sign := "?"
		if strings.Contains(database, "?") {
			sign = "&"
		}
		c.Database = database + sign + "statement_timeout=0&idle_in_transaction_session_timeout=0"
	})
	created, err := a.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, a, Mode{})
	token := pangea.ServiceToken(created.ServiceKey.Reveal())
	create := func() (int, http.Header, string, error) {
		// Longer than any request may take, so that one which never ends fails.
		ctx, cancel := context.WithTimeout(t.Context(), stuck)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.public+"/v2/user/create", strings.NewReader(`{"email":"ada@example.org","profile":{}}`))
		if err != nil {
			return 0, nil, "", err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, nil, "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return response.StatusCode, response.Header, string(body), err
	}

	db := storetest.Raw(t, database)
	lock, err := db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = lock.ExecContext(t.Context(), `LOCK TABLE users IN ACCESS EXCLUSIVE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for range 2 * a.Store.Connections().Most { // more than there are connections
		asking.Go(func() {
			started := time.Now()
			status, header, body, err := create()
			t.Logf("answered after %s", time.Since(started).Round(time.Millisecond))
			if err != nil || status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, `"status":"ServiceNotAvailable"`) {
				t.Errorf("law: a request whose time is over is told to come back; got %d %s, %v", status, body, err)
			}
		})
	}
	asking.Wait()
	// The lock is still held. Nobody but this test is waiting for it, or will be.
	waiting := 0
	for deadline := time.Now().Add(stuck); ; time.Sleep(20 * time.Millisecond) {
		err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'gatehouse'
			AND (wait_event_type = 'Lock' OR state LIKE 'idle in transaction%')`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		if waiting == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("law: no statement outlives its request; %d do", waiting)
		}
	}
	// Beside the requests only the workers use some, for a moment.
	for deadline := time.Now().Add(stuck); a.Store.Connections().InUse != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("law: each connection is given back; %d are not", a.Store.Connections().InUse)
		}
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	var people int
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM users`).Scan(&people); err != nil || people != 0 {
		t.Errorf("law: what was not acknowledged was not written; %d people are there, %v", people, err)
	}
	if status, _, body, err := create(); err != nil || status != http.StatusOK {
		t.Errorf("law: the server goes on; got %d %s, %v", status, body, err)
	}
	r.end(t)
}
