package secret_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// peppersOf are n peppers, of which the first was made now and each following
// one a minute later.
func peppersOf(t testing.TB, n int) []secret.Pepper {
	t.Helper()
	var raw []secret.RawKey
	for i := n; i > 0; i-- { // in no order
		raw = append(raw, secret.RawKey{Name: secret.Numbered("pepper", i), Key: bytes.Repeat([]byte{byte(i)}, 32), Made: time.Now().Add(time.Duration(i-1) * time.Minute)})
	}
	raw = append(raw, secret.RawKey{Name: "seal"}, secret.RawKey{Name: "pepper.x"}, secret.RawKey{Name: "pepper.1"}, secret.RawKey{Name: "pepper.02"})
	all, err := secret.ParsePeppers(raw)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPeppersAreParsed(t *testing.T) {
	all := peppersOf(t, 12)
	if len(all) != 12 {
		t.Fatalf("law: the peppers are the keys of their names; there are %d", len(all))
	}
	seen := make(map[string]bool)
	for i, p := range all {
		if p.Name != secret.Numbered("pepper", i+1) || seen[p.ID] {
			t.Errorf("law: peppers come the oldest first, each with an id of its own; number %d is %s, %s", i, p.Name, p.ID)
		}
		seen[p.ID] = true
	}
	if next := secret.NextPepper(all); next != "pepper.13" {
		t.Errorf("law: a pepper is named after the newest; it is %q", next)
	}
	for law, raw := range map[string][]secret.RawKey{
		"there is one at least": {{Name: "seal", Key: make([]byte, 32)}},
		"each is whole":         {{Name: "pepper", Key: make([]byte, 32)}, {Name: "pepper.2", Key: make([]byte, 31)}},
	} {
		if _, err := secret.ParsePeppers(raw); err == nil {
			t.Errorf("law: of peppers %s", law)
		}
	}
}

func TestPeppersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := peppersOf(t, 3)
		ring := secret.NewPeppers(all...)
		hasher := secret.NewHasher(cheap(), ring)
		slot := slotOf(t, hasher)
		uses := func(law string, want secret.Pepper) string {
			t.Helper()
			phc := slot.Hash("password")
			if !strings.Contains(phc, ",keyid="+want.ID+"$") {
				t.Errorf("law: %s; the hash is %s", law, phc)
			}
			return phc
		}
		first := uses("a deployment's first pepper is used at once", all[0])
		time.Sleep(secret.PepperLead + time.Minute - time.Nanosecond)
		uses("a newer one is not used before every node knows it", all[0])
		if renewed := slot.Renew("password", first); renewed != "" {
			t.Errorf("law: a hash as they are made now is not renewed; it became %s", renewed)
		}
		time.Sleep(time.Nanosecond)
		second := uses("after five minutes it is", all[1])
		time.Sleep(time.Hour)
		third := uses("of several the newest is used", all[2])

		for name, phc := range map[string]string{
			"the first pepper": first, "the second pepper": second, "no pepper": phc("password", cheap(), []byte("0123456789abcdef"), 32),
			"another cost": strings.TrimSpace(slotOf(t, secret.NewHasher(secret.Cost{Memory: 128, Passes: 1, Threads: 1}, ring)).Hash("password")),
		} {
			if !verify(t, slot, "password", phc) || verify(t, slot, "passwort", phc) {
				t.Errorf("law: a hash of %s verifies", name)
			}
			renewed := slot.Renew("password", phc)
			if !strings.HasPrefix(renewed, fmt.Sprintf("$argon2id$v=19$m=64,t=1,p=1,keyid=%s$", all[2].ID)) || !verify(t, slot, "password", renewed) {
				t.Errorf("law: a hash of %s is made anew as they are now; it became %q", name, renewed)
			}
		}
		if renewed := slot.Renew("password", third); renewed != "" {
			t.Errorf("law: a hash as they are made now is not renewed; it became %s", renewed)
		}

		// Another node, whose clock is behind.
		behind := slotOf(t, secret.NewHasher(cheap(), ring).By(func() time.Time { return time.Now().Add(-time.Hour) }))
		if renewed := behind.Renew("password", third); renewed != "" || !verify(t, behind, "password", third) {
			t.Errorf("law: a hash is never renewed with an older pepper; it became %s", renewed)
		}

		ring.Replace(all[1:])
		if ok, err := slot.Verify("password", first); ok || err == nil || !strings.Contains(err.Error(), all[0].ID) {
			t.Errorf("law: with a forgotten pepper nothing verifies, and the error names it; got %t, %v", ok, err)
		}
		if ok, err := slot.Verify("password", ""); ok || err != nil {
			t.Errorf("law: nobody is compared with whatever peppers there are; got %t, %v", ok, err)
		}
	})
}
