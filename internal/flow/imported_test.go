package flow_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// imported is a hash that was brought along, as published.
type imported struct {
	params   secret.ForeignParams
	value    string
	salt     string
	password string
}

func importedHashes() []imported {
	type params = secret.ForeignParams
	return []imported{
		{params{Algorithm: "md5", Salt: "a"}, "900150983cd24fb0d6963f7d28e17f72", "", "bc"},
		{params{Algorithm: "sha1", SaltOrder: "suffix"}, "a9993e364706816aba3e25717850c26c9cd0d89d", "c", "ab"},
		{params{Algorithm: "sha256"}, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "", "abc"},
		{params{Algorithm: "sha512"}, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f", "", "abc"},
		{params{Algorithm: "bcrypt"}, "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "", "U*U"},
		{params{Algorithm: "pbkdf2", Digest: "sha1", Iterations: 4096}, "4b007901b765489abead49d926f721d065a429c1", "salt", "password"},
		{params{Algorithm: "argon2", Memory: 64, Iterations: 1}, "655ad15eac652dc59f7170a7332bf49b8469be1fdb9c28bb", "somesalt", "password"},
		{params{Algorithm: "scrypt", CostFactor: 1024}, "16dbc8906763c7f048977a68f9d305f7710e068ca2cd95dab372125bb3f19608", "salt", "password"},
		{params{Algorithm: "firebase-scrypt", SignerKey: "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==", SaltSeparator: "Bw==", Iterations: 8, CostFactor: 14},
			"lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==", "42xEC+ixf3L2lw==", "user1password"},
	}
}

// importPerson makes somebody whose password came from elsewhere.
func importPerson(t *testing.T, h *flowtest.House, app core.Caller, email string, hash imported) (core.User, string) {
	t.Helper()
	stored, err := secret.EncodeForeign(hash.params, hash.value, hash.salt)
	must(t, err)
	user, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: email})
	must(t, err)
	must(t, h.Store.As(app).Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: user.ID, Secret: stored})
	}))
	return user, stored
}

// TestImportedHashesBecomeOurs signs somebody in with a hash of each of the
// algorithms, twice.
func TestImportedHashesBecomeOurs(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		seen := map[string]bool{}
		for _, hash := range importedHashes() {
			algorithm := hash.params.Algorithm
			seen[algorithm] = true
			email := algorithm + "@example.org"
			user, stored := importPerson(t, h, app, email, hash)
			look := func() (phc string) {
				must(t, h.Store.As(app).View(t.Context(), func(tx *store.Tx) (err error) {
					phc, err = tx.PasswordOf(user.ID)
					return err
				}))
				return phc
			}
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email})
			must(t, err)
			for _, wrong := range []string{"wrong", hash.password + "x", hash.value} {
				_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, wrong))
				want(t, err, core.CodeWrongCredentials, algorithm)
			}
			if look() != stored {
				t.Errorf("law: a wrong password leaves a hash of %s as it is; it is %s", algorithm, look())
			}
			if grant := h.SignIn(t, app, email, hash.password); grant.User.ID != user.ID {
				t.Errorf("law: who brought a hash of %s along signs in; it was %q", algorithm, grant.User.ID)
			}
			renewed := look()
			if !strings.HasPrefix(renewed, "$argon2id$v=19$m=8,t=1,p=1,keyid=") {
				t.Errorf("law: after one sign-in a hash of %s is argon2id with our pepper; it is %s", algorithm, renewed)
			}
			if grant := h.SignIn(t, app, email, hash.password); grant.User.ID != user.ID || look() != renewed {
				t.Errorf("law: the next sign-in is like everybody's; of %s it was %q, and the hash is %s", algorithm, grant.User.ID, look())
			}
		}
		for _, name := range secret.ForeignAlgorithms() {
			if !seen[name] {
				t.Errorf("law: people of every algorithm sign in; of %s there is nobody", name)
			}
		}
	})
}
