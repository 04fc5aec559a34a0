package storetest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestMain also holds a law: a closed store leaves no goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errWanted is what a closure returns to be undone.
var errWanted = errors.New("wanted by the test")

func update(t testing.TB, b store.Bound, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := b.Update(context.Background(), fn); err != nil {
		t.Fatalf("updating: %v", err)
	}
}

func view(t testing.TB, b store.Bound, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := b.View(context.Background(), fn); err != nil {
		t.Fatalf("viewing: %v", err)
	}
}

// demo opens a pool of its own and returns its operator's store.
func demo(t testing.TB, s *store.Store) store.Bound {
	t.Helper()
	return s.As(storetest.Caller(storetest.Pool(t, s, "p"+secret.Random(), nil)))
}

// eventually waits for something that happens by itself. The limit only ends a
// test that will fail.
func eventually(t *testing.T, law string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("law: %s; after 30 seconds it still did not hold", law)
}

// coded reports whether an error is one of ours rather than a fault.
func coded(err error) bool { return err == nil || core.CodeOf(err) != core.CodeInternal }

// soon is a time at the precision that is stored.
func soon(d time.Duration) time.Time { return time.Now().UTC().Add(d).Truncate(time.Microsecond) }

// filled is a pool with one of everything.
type filled struct {
	bound    store.Bound
	pool     core.Pool
	key      core.Key
	app      core.Application
	secret   store.PoolSecret
	given    core.ApplicationSecret
	client   core.ClientToken
	waiting  core.DeviceCode // it was answered; another waits under asking
	asking   []byte
	user     core.User
	password core.Authenticator
	passkey  core.Authenticator
	identity core.Authenticator
	flow     core.Flow
	ticket   core.Ticket
	session  core.Session
	refresh  store.Refresh
	access   core.AccessToken
	message  core.Message
	hash     []byte // of the key, the ticket, the recovery code and both tokens
	subject  string // of the attempts, locked out
	note     string
	invite   core.Invitation // its hash is that of the key
	terms    core.Agreement  // active
	signing  store.SigningKey
	group    core.Group // the user is in it
	sighting core.Sighting
	decision core.RiskDecision
	source   core.ImportSource // the import has it; its only piece is plainChunk
	imported core.Import       // claimed as claimOfImport
}

// plainChunk is the filled pool's file, and claimOfImport who works on it.
const plainChunk, claimOfImport = "email\nana@example.org\n", "the-claim"

// plainKey is the text of the filled pool's key.
const plainKey = "the-plain-key"

// fill makes a pool with one of everything and returns what was stored.
func fill(t testing.TB, s *store.Store) filled {
	t.Helper()
	random := secret.Random()
	f := filled{hash: []byte(random), subject: "subject-" + random, note: "note-" + random}
	f.pool = core.Pool{ID: core.NewPoolID(), Name: "p" + random, Hosts: []string{"a." + random + ".example.org", "z." + random + ".example.org"},
		Overrides: core.Overrides{"display_name": []byte(`"Demo"`)}}
	caller := storetest.Caller(f.pool.ID)
	f.bound = s.As(caller)
	f.key = core.Key{ID: core.NewKeyID(), Pool: f.pool.ID, Kind: core.KeyService, Name: "first", CreatedAt: soon(0), ExpiresAt: soon(time.Hour)}
	f.app = core.Application{ID: core.NewApplicationID(), Name: "App", CreatedAt: soon(0), Version: 1, Client: core.Client{Grants: core.GrantKinds(), Auth: core.ClientAuthPost, Redirects: []string{"https://a.example/cb"}, Scopes: []string{"openid"}}}
	f.given = core.ApplicationSecret{ID: core.NewApplicationSecretID(), Application: f.app.ID, Name: "näme", Description: "Büro", Metadata: map[string]string{"größe": "Ü"}, CreatedAt: soon(0), ExpiresAt: soon(time.Hour)}
	f.client = core.ClientToken{ID: core.NewTokenID(), Application: f.app.ID, Scopes: []string{"openid", "email"}, CreatedAt: soon(0), ExpiresAt: soon(time.Hour)}
	f.waiting = core.DeviceCode{Application: f.app.ID, Scopes: []string{"openid", "email"}, Every: core.DeviceCodeEvery, ExpiresAt: soon(time.Hour)}
	f.asking = []byte("asking-" + random)
	f.secret = store.PoolSecret{Name: "pair", Hash: []byte("h"), Plain: []byte("private"), Public: "public"}
	f.user = core.User{
		ID: core.NewUserID(), Email: "Ana.É@example.org", Username: "Ana-" + random, Phone: "+491234567", Profile: core.Profile{"first_name": "Ana", "größe": "Übergröße 密"},
		EmailVerified: true, LoginCount: 3, LastLoginAt: soon(-time.Hour), LastLoginAddress: "192.0.2.1", AcceptedTerms: "t1", AcceptedPrivacy: "p1",
		CreatedAt: soon(-2 * time.Hour), UpdatedAt: soon(-time.Hour), Version: 1,
	}
	f.password = core.Authenticator{ID: core.NewAuthenticatorID(), User: f.user.ID, Kind: core.AuthenticatorPassword, Secret: "$argon2id$of-" + random}
	f.passkey = core.Authenticator{ID: core.NewAuthenticatorID(), User: f.user.ID, Kind: "passkey", Second: true, Handle: "handle-" + random, Counter: 7, Data: `{"k":"密"}`}
	f.identity = core.Authenticator{ID: core.NewAuthenticatorID(), User: f.user.ID, Kind: core.AuthenticatorSocial, Handle: "handle-" + random, Data: `{"k":"v"}`}
	f.flow = core.Flow{ID: core.NewFlowID(), Version: 1, ExpiresAt: soon(time.Hour), Facts: core.Facts{
		Allowed: []core.FlowType{core.FlowSignup}, Redirect: "https://a.example/cb", State: "s\x00'\"", Browser: []byte{0, 1, 255}, User: f.user.ID, Created: true,
		Email: core.Email{Text: "A@b.example", Key: "a@b.example"}, Primary: core.AuthenticatorPassword, Profile: core.Profile{"a": "b"},
		Links: map[core.ChoiceName]core.Link{core.ChoiceVerifyEmail: {State: "x", Sent: true, ResendAt: soon(time.Minute)}},
	}}
	f.ticket = core.Ticket{Purpose: core.TicketLogin, Subject: "flow-" + random, Data: "d\x01", ExpiresAt: soon(time.Hour)}
	f.session = core.Session{ID: core.NewSessionID(), User: f.user.ID, Address: "192.0.2.2", UserAgent: "agent/1 ü", Application: f.app.ID, Scopes: []string{"openid", "email"}, ProvedAt: soon(-time.Second), CreatedAt: soon(0), ExpiresAt: soon(time.Hour)}
	f.refresh = store.Refresh{Session: f.session.ID, CreatedAt: soon(0), ExpiresAt: soon(time.Hour)}
	f.access = core.AccessToken{ID: core.NewTokenID(), Pool: f.pool.ID, Session: f.session.ID, Application: f.app.ID, Scopes: []string{"openid"}, CreatedAt: soon(0), ExpiresAt: soon(time.Hour)}
	f.message = core.Message{ID: core.NewMessageID(), Template: "verify_email", To: "ana@example.org", Values: map[string]string{"link": "https://x.example"}, ExpiresAt: soon(time.Hour)}
	f.invite = core.Invitation{ID: core.NewInvitationID(), Email: "Bob.É@example.org", Inviter: "Joe@example.org", Callback: "https://a.example/cb", State: "state-" + random,
		ExpiresAt: soon(time.Hour)}
	f.terms = core.Agreement{ID: core.NewAgreementID(), Kind: core.AgreementTerms, Name: "Bedingungen Ü", Text: "# Terms\n\n密 " + random, Active: true, Version: 1,
		CreatedAt: soon(-time.Hour), UpdatedAt: soon(-time.Minute), PublishedAt: soon(-time.Second)}
	f.group = core.Group{ID: core.NewGroupID(), Name: "Team-" + random, Type: "Büro", Description: "one\ntwo 密", Attributes: map[string]string{"größe": "Ü"}, Version: 1,
		CreatedAt: soon(-time.Hour), UpdatedAt: soon(-time.Minute)}
	f.signing = signingKey(t, f.pool.ID)
	f.sighting = core.Sighting{User: f.user.ID, Address: "192.0.2.4", Place: core.Place{Country: "DE", City: "Köln", Located: true, Latitude: 50.9, Longitude: 6.9, Radius: 20}}
	f.decision = core.RiskDecision{
		ID: core.NewRiskDecisionID(), Request: core.NewRequestID(), Flow: f.flow.ID, User: f.user.ID, Type: core.FlowSignin, Outcome: core.RiskRefused, Rule: core.RuleEmbargo, Address: "192.0.2.5",
		Findings:  []core.RiskFinding{{Rule: core.RuleEmbargo, Action: core.RiskBlock, Result: core.RiskHit, Inputs: map[string]string{"country": "IR"}}},
		ExpiresAt: soon(time.Hour),
	}
	f.source = core.ImportSource{ID: core.NewImportSourceID(), Columns: []core.ImportColumn{{Name: "größe", Type: core.TypeText}}, Size: int64(len(plainChunk)), Rows: 1, ExpiresAt: soon(time.Hour)}
	f.imported = core.Import{
		ID: core.NewImportID(), Name: "Spring Ü " + random, Source: f.source.ID, File: "file", Status: core.ImportPending, Position: 7, Successful: 1, Failed: 2, Skipped: 3,
		Mapping: core.ImportMapping{Fields: []core.MappedColumn{{Column: "größe", Field: "email"}, {Column: "b", Field: "x", Profile: true}}, Hash: secret.ForeignParams{Algorithm: "bcrypt", SignerKey: "k"}},
	}
	err := f.bound.Update(context.Background(), func(tx *store.Tx) error {
		return errors.Join(
			tx.CreatePool(f.pool), tx.PutKey(f.key, f.hash, plainKey), tx.PutApplication(f.app, []byte("secret-hash")), tx.PutPoolSecret(f.secret),
			tx.PutApplicationSecret(f.given, f.hash), tx.PutClientToken(f.hash, f.client),
			added(tx.PutDeviceCode(f.hash, f.hash, f.waiting)), tx.ClaimDeviceCode(f.hash, "", f.flow.ID), tx.AnswerDeviceCode(f.hash, f.flow.ID, "answer ü"), added(tx.PutDeviceCode(f.asking, f.asking, f.waiting)),
			tx.CreateUser(f.user), tx.PutConsent(f.user.ID, f.app.ID, []string{"openid", "email"}), tx.PutPassword(f.password), added(tx.PutAuthenticator(f.passkey)), added(tx.PutAuthenticator(f.identity)), tx.PutRecoveryCodes(f.user.ID, [][]byte{f.hash}), tx.PutFlow(f.flow), tx.PutTicket(f.hash, f.ticket), tx.PutSession(f.session),
			tx.RememberDevice(core.Device{User: f.user.ID, Hash: f.hash, Address: "192.0.2.3", ExpiresAt: soon(time.Hour)}, 10),
			added(tx.SpendAssertion("acme", f.hash, soon(time.Hour))), tx.PutSighting(f.sighting), tx.PutRiskDecision(f.decision),
			tx.PutRefresh(f.hash, f.refresh), tx.PutAccess(f.hash, f.access), tx.Send(f.message), tx.PutNote("face", f.note, "data", soon(time.Hour)),
			charge(tx, f.subject), tx.Spend(core.BudgetMailsTo, f.subject, core.DefaultSettings()), tx.PutInvitation(f.hash, f.invite), tx.PutAgreement(f.terms), tx.PutSigningKey(f.signing, ""), tx.CreateGroup(f.group), join(tx, f.group.ID, f.user.ID),
			tx.PutImportSource(f.source), tx.PutImportChunk(f.source.ID, 0, []byte(plainChunk)), tx.FinishImportSource(f.source), tx.CreateImport(f.imported), taken(tx.UseImportSource(f.source.ID, f.imported.ID)),
			added(tx.ClaimImport(f.imported.ID, claimOfImport, soon(time.Hour))), tx.AdvanceImport(f.imported.ID, store.ImportStep{
				Claim: claimOfImport, To: f.imported.Position, Until: soon(time.Hour), Done: f.imported, Details: []core.ImportDetail{{Outcome: core.OutcomeSkipped, Row: 3, User: f.user.ID, Reason: "Row 3: ü."}},
			}),
			tx.Record(core.Event{Name: core.EventUserCreated, Target: string(f.user.ID), Reason: "r", Data: map[string]string{"k": "v"}}),
		)
	})
	if err != nil {
		t.Fatalf("filling a pool: %v", err)
	}
	if _, err := s.Across().Seal(context.Background(), 1000); err != nil {
		t.Fatal(err)
	}
	return f
}

// join puts somebody in a group that they are not in.
func join(tx *store.Tx, group core.GroupID, user core.UserID) error {
	joined, err := tx.AddMember(group, user)
	if err == nil && !joined {
		err = errors.New("they were in it already")
	}
	return err
}

// charge takes a try that locks its subject out for an hour.
// added is the error of what must be new.
func added(is bool, err error) error {
	if err == nil && !is {
		err = errors.New("it was there already")
	}
	return err
}

// taken is the error of a file that was taken.
func taken(_ core.ImportSource, err error) error { return err }

// passwordsOf lists a person's password, and nothing else of theirs.
func passwordsOf(tx *store.Tx, user core.UserID) ([]core.Authenticator, error) {
	all, err := tx.Authenticators(user)
	return slices.DeleteFunc(all, func(a core.Authenticator) bool { return a.Kind != core.AuthenticatorPassword }), err
}

func charge(tx *store.Tx, subject string) error {
	_, err := tx.Charge(subject, core.Lockout{Free: 1, First: time.Hour, Longest: time.Hour, Most: 1000})
	return err
}

// signingKey makes a signing key that is not stored.
func signingKey(t testing.TB, pool core.PoolID) store.SigningKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return store.SigningKey{Private: private, SigningKey: core.SigningKey{
		ID: core.NewSigningKeyID(), Pool: pool, Public: &private.PublicKey, CreatedAt: soon(0), ActiveFrom: soon(time.Minute), TokenLife: time.Hour, RefreshLife: 2 * time.Hour,
	}}
}

// person makes a person of the test's own.
func person(name string) core.User {
	u := storetest.User(name)
	u.CreatedAt, u.UpdatedAt = soon(0), soon(0)
	return u
}
