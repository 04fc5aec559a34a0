package pool_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// However many ask for a pool's key at once, on two nodes, the pool has one, and
// another pool has another.
func TestParallelPasswordKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		nodes := []*pool.Pools{pool.New(s), pool.New(s)}
		shop := storetest.Caller(storetest.Pool(t, s, "shop", nil))
		keys := make([]string, 64)
		storetest.Together(len(keys), func(i int) {
			key, err := nodes[i%2].PasswordKeys(t.Context(), shop)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = key.Given().Public
		})
		for _, key := range keys {
			if key == "" || key != keys[0] {
				t.Fatalf("law: a pool has one password key; got %q and %q", keys[0], key)
			}
		}
		other, err := nodes[0].PasswordKeys(t.Context(), storetest.Caller(storetest.Pool(t, s, "other", nil)))
		must(t, err)
		if other.Given().Public == keys[0] {
			t.Error("law: no two pools share a password key")
		}
		again, err := pool.New(s).PasswordKeys(t.Context(), shop)
		must(t, err)
		if again.Given().Public != keys[0] {
			t.Error("law: a pool keeps its password key")
		}
	})
}

// encryptedFor encrypts a password as applications do.
func encryptedFor(t *testing.T, key pool.PasswordKey, password string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(key.Public))
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	must(t, err)
	ciphertext, err := rsa.EncryptPKCS1v15(rand.Reader, public.(*rsa.PublicKey), []byte(password)) //nolint:staticcheck // SA1019: it is what clients do
	must(t, err)
	return base64.StdEncoding.EncodeToString(ciphertext)
}

// A pool's password keys take turns: the next is given out when every node can
// decrypt with it, and the one before works until it is retired.
func TestPasswordKeysTakeTurns(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		pools := pool.New(s)
		shop := storetest.Caller(storetest.Pool(t, s, "shop", nil))
		keys := func() *pool.PasswordKeys {
			t.Helper()
			k, err := pools.PasswordKeys(t.Context(), shop)
			must(t, err)
			return k
		}
		conflict := func(law string, err error) {
			t.Helper()
			if !core.Is(err, core.CodeConflict) {
				t.Errorf("law: %s; got %v", law, err)
			}
		}
		decrypts := func(law string, key pool.PasswordKey, want bool) {
			t.Helper()
			if got, formed := keys().Decrypt(encryptedFor(t, key, "passw0rd")); (got.Reveal() == "passw0rd") != want || !formed {
				t.Errorf("law: %s; of %s it came back as %q", law, key.Name, got.Reveal())
			}
		}
		first := keys().Given()
		_, err := pools.RetirePasswordKey(t.Context(), shop)
		conflict("a pool keeps its only key", err)

		var won atomic.Int64
		var second pool.PasswordKey
		storetest.Together(3, func(int) {
			key, err := pools.RotatePasswordKey(context.Background(), shop)
			switch {
			case err == nil:
				won.Add(1)
				second = key
			case !core.Is(err, core.CodeConflict):
				t.Errorf("law: who does not make the next key gets a conflict; got %v", err)
			}
		})
		if all := keys().All(); won.Load() != 1 || len(all) != 2 || all[1] != second || second.Name != "password_key.2" || second.GivenFrom.Sub(second.CreatedAt) != pool.PasswordKeyLead {
			t.Fatalf("law: of many one makes the next key; %d did, and there are %+v", won.Load(), all)
		}
		if given := keys().Given(); given != first {
			t.Errorf("law: a new key is not given out at once; %s is", given.Name)
		}
		decrypts("the key that is given out decrypts", first, true)
		decrypts("so does the next one already", second, true)
		_, err = pools.RotatePasswordKey(t.Context(), shop)
		conflict("there are two keys at most", err)
		_, err = pools.RetirePasswordKey(t.Context(), shop)
		conflict("no key is retired before applications are given the next", err)

		if _, err := db.ExecContext(t.Context(), `UPDATE pool_secrets SET created_at = $1 WHERE name = $2`, time.Now().Add(-pool.PasswordKeyLead).UnixMicro(), second.Name); err != nil {
			t.Fatal(err)
		}
		if given := keys().Given(); given.Public != second.Public {
			t.Errorf("law: after a minute the next key is given out; %s is", given.Name)
		}
		decrypts("the one before goes on decrypting", first, true)
		retired, err := pools.RetirePasswordKey(t.Context(), shop)
		must(t, err)
		if all := keys().All(); retired != first || len(all) != 1 || all[0].Public != second.Public {
			t.Errorf("law: the older key is retired; it was %s, and %+v are left", retired.Name, all)
		}
		decrypts("a retired key decrypts nothing", first, false)
		decrypts("the newest does", second, true)
		third, err := pools.RotatePasswordKey(t.Context(), shop)
		must(t, err)
		if third.Name != "password_key.3" || keys().Given().Public != second.Public {
			t.Errorf("law: the next key comes after the newest; it is %s", third.Name)
		}

		var names []core.EventName
		must(t, s.As(shop).View(t.Context(), func(tx *store.Tx) error {
			events, err := tx.Events(10)
			for _, e := range events {
				names = append(names, e.Name)
			}
			return err
		}))
		if want := []core.EventName{core.EventPasswordKeyCreated, core.EventPasswordKeyRetired, core.EventPasswordKeyCreated}; !slices.Equal(names, want) {
			t.Errorf("law: the trail tells of keys that come and go; it has %v", names)
		}
	})
}
