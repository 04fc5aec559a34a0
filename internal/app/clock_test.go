package app

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// Two nodes share a database, and one of them has a clock that is off: it is
// shown a database whose clock is ahead or behind by as much, which is the same
// to it. What has passed is decided by the database's clock, on both (R10).
func TestR10ANodeWhoseClockIsOff(t *testing.T) {
	for _, off := range []time.Duration{time.Hour, 10 * time.Minute, 30 * time.Second, -30 * time.Second, -10 * time.Minute, -time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			database, master := storetest.Postgres(t), secret.NewMasterText()
			here := newNode(t, database, master)
			db := storetest.Raw(t, database)
			for _, statement := range []string{
				`CREATE SCHEMA off`,
				fmt.Sprintf(`CREATE FUNCTION off.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() + interval ''%d seconds'''`, int(off.Seconds())),
			} {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			u, err := url.Parse(database)
			if err != nil {
				t.Fatal(err)
			}
			query := u.Query()
			query.Set("search_path", "public,off,pg_catalog")
			u.RawQuery = query.Encode()
			there := newNode(t, u.String(), master)

			if d := there.app.Store.Clock().Sub(here.app.Store.Clock()) - off; d.Abs() > 5*time.Second {
				t.Errorf("law: a node counts by the database's clock; it is off by %s", d)
			}
			d := newDoor(t, here, "clock", "opaque")
			here.house.Set(t, d.caller, map[string]any{"token.user_life": "5m"})
			who := d.signIn(t, "ana@example.org", "")
			for _, n := range []*node{here, there} {
				want := "Success"
				if n == there && off >= 5*time.Minute {
					want = "ExpiredToken"
				}
				if got := who.check(n); got != want {
					t.Errorf("law: a token whose time is over by the database's clock is refused, and no other; a check answers %s in place of %s", got, want)
				}
			}
			if got := there.post("/v2/client/session/refresh", who.client, `{"refresh_token":"`+who.refresh+`"}`); got != "Success" {
				t.Errorf("law: nobody is signed out by a clock; a refresh answers %s", got)
			}
		})
	}
}
