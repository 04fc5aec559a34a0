package flow

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// What passkeys are asked and what they answer, as WebAuthn spells it. The
// library checks answers; what is asked is written here, because faces show it.

// credentialType is the only type of credential that there is.
const credentialType = "public-key"

// descriptor names a passkey that may sign, or is not to be made again.
type descriptor struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

type creation struct {
	RP struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	} `json:"user"`
	Challenge  string                         `json:"challenge"`
	Algorithms []protocol.CredentialParameter `json:"pubKeyCredParams"`
	Timeout    int64                          `json:"timeout"`
	Exclude    []descriptor                   `json:"excludeCredentials"`
	Selection  struct {
		ResidentKey      string `json:"residentKey"`
		RequireResident  bool   `json:"requireResidentKey"`
		UserVerification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string `json:"attestation"`
}

type request struct {
	Challenge        string       `json:"challenge"`
	RPID             string       `json:"rpId"`
	Timeout          int64        `json:"timeout"`
	UserVerification string       `json:"userVerification"`
	Allow            []descriptor `json:"allowCredentials,omitempty"`
}

// algorithms is how passkeys may sign: ES256, Ed25519, RS256.
func algorithms() []protocol.CredentialParameter {
	var list []protocol.CredentialParameter
	for _, alg := range []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256} {
		list = append(list, protocol.CredentialParameter{Type: credentialType, Algorithm: alg})
	}
	return list
}

// newChallenge makes 32 random bytes as base64url.
func newChallenge() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: see its documentation
	return base64.RawURLEncoding.EncodeToString(b)
}

func creationOptions(t Turn, challenge core.PasskeyChallenge, handle core.UserID) []byte {
	var o creation
	o.RP.ID, o.RP.Name = t.Party.ID, t.displayName()
	o.User.ID = base64.RawURLEncoding.EncodeToString([]byte(handle))
	o.User.Name = t.Facts.Username.Text
	switch {
	case o.User.Name != "":
	case t.User != nil && t.User.Username != "":
		o.User.Name = t.User.Username
	case t.User != nil:
		o.User.Name = t.User.Email
	default:
		o.User.Name = t.Facts.Email.Text
	}
	o.User.DisplayName = o.User.Name
	o.Challenge, o.Algorithms, o.Timeout = challenge.Challenge, algorithms(), challengeLife.Milliseconds()
	o.Exclude = descriptors(t.Passkeys)
	o.Selection.ResidentKey, o.Selection.RequireResident, o.Selection.UserVerification = "required", true, "preferred"
	o.Attestation = "none"
	return written(o)
}

func requestOptions(t Turn, challenge core.PasskeyChallenge, allow []descriptor) []byte {
	return written(request{challenge.Challenge, t.Party.ID, challengeLife.Milliseconds(), "preferred", allow})
}

// written is options as JSON.
func written(options any) []byte {
	text, err := json.Marshal(options)
	if err != nil {
		panic(err) // texts and numbers have a JSON form
	}
	return text
}

func descriptors(passkeys []core.Authenticator) []descriptor {
	list := []descriptor{}
	for _, a := range passkeys {
		d := descriptor{Type: credentialType, ID: a.Handle}
		if data, err := a.Passkey(); err == nil {
			d.Transports = data.Transports
		}
		list = append(list, d)
	}
	return list
}

// holder is somebody with one passkey, for the library.
type holder struct {
	handle  []byte
	passkey []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return h.handle }
func (h holder) WebAuthnName() string                       { return "" }
func (h holder) WebAuthnDisplayName() string                { return "" }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.passkey }

// party is the pool for the library. Beside the pool's own pages, those of the
// registered redirects may ask for passkeys, on the same domain.
func party(t Turn, origin string) (*webauthn.WebAuthn, error) {
	pages := slices.DeleteFunc(slices.Clone(t.Party.Pages), func(page string) bool { return !t.Party.Covers(page) })
	if t.Party.Covers(origin) && t.Settings.AllowsOrigin(origin) {
		pages = append(pages, origin)
	}
	if len(pages) == 0 {
		return nil, core.Fail(core.CodePasskeyRefused, "This page may not ask for passkeys: its origin is none of the pool's.")
	}
	return webauthn.New(&webauthn.Config{
		RPID: t.Party.ID, RPDisplayName: t.displayName(), RPOrigins: pages,
		AttestationPreference:             protocol.PreferNoAttestation,
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore, // none is used, and browsers report some unasked
	})
}

// verifyCreation checks a new passkey (WebAuthn Level 3 section 7.1), and says
// whether it made sure of who holds it.
func verifyCreation(t Turn, challenge core.PasskeyChallenge, answer []byte) (made core.NewPasskey, verified bool, err error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return made, false, unreadable("/data/registration", err)
	}
	w, err := party(t, parsed.Response.CollectedClientData.Origin)
	if err != nil {
		return made, false, err
	}
	handle := []byte(t.newHandle())
	c, err := w.CreateCredential(holder{handle: handle}, webauthn.SessionData{
		Challenge: challenge.Challenge, RelyingPartyID: t.Party.ID, UserID: handle, UserVerification: protocol.VerificationPreferred, CredParams: algorithms(),
	}, parsed)
	if err != nil {
		return made, false, refusedPasskey(err)
	}
	data := core.PasskeyData{
		RPID: t.Party.ID, PublicKey: c.PublicKey, AAGUID: c.Authenticator.AAGUID,
		UserVerified: c.Flags.UserVerified, BackupEligible: c.Flags.BackupEligible, BackedUp: c.Flags.BackupState,
	}
	for _, transport := range []string{"usb", "nfc", "ble", "smart-card", "hybrid", "internal"} {
		if slices.Contains(c.Transport, protocol.AuthenticatorTransport(transport)) {
			data.Transports = append(data.Transports, transport)
		}
	}
	return core.NewPasskey{Handle: base64.RawURLEncoding.EncodeToString(c.ID), Counter: int64(c.Authenticator.SignCount), Data: string(written(data))}, c.Flags.UserVerified, nil
}

func parseAssertion(answer []byte) (*protocol.ParsedCredentialAssertionData, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, unreadable("/data/authentication", err)
	}
	return parsed, nil
}

// verifyAssertion checks what a passkey has signed (WebAuthn Level 3 section
// 7.2), but for its counter, which it returns, and says whether it made sure of
// who holds it.
func verifyAssertion(t Turn, challenge core.PasskeyChallenge, known core.Authenticator, parsed *protocol.ParsedCredentialAssertionData) (counter int64, verified bool, err error) {
	data, err := known.Passkey()
	if err != nil {
		return 0, false, err
	}
	if data.RPID != t.Party.ID {
		return 0, false, core.Fail(core.CodePasskeyRefused, "This passkey was made for another domain.")
	}
	w, err := party(t, parsed.Response.CollectedClientData.Origin)
	if err != nil {
		return 0, false, err
	}
	// Whom the passkey names was compared already: faces spell it differently.
	handle := parsed.Response.UserHandle
	if len(handle) == 0 {
		handle = []byte(known.User)
	}
	credential := webauthn.Credential{
		ID: parsed.RawID, PublicKey: data.PublicKey,
		Flags:         webauthn.CredentialFlags{UserVerified: data.UserVerified, BackupEligible: data.BackupEligible, BackupState: data.BackedUp},
		Authenticator: webauthn.Authenticator{AAGUID: data.AAGUID},
	}
	_, err = w.ValidateLogin(holder{handle, []webauthn.Credential{credential}}, webauthn.SessionData{
		Challenge: challenge.Challenge, RelyingPartyID: t.Party.ID, UserID: handle, UserVerification: protocol.VerificationPreferred,
	}, parsed)
	if err != nil {
		return 0, false, refusedPasskey(err)
	}
	proved := parsed.Response.AuthenticatorData
	return int64(proved.Counter), proved.Flags.HasUserVerified(), nil
}

func refusedPasskey(cause error) error {
	return &core.Error{Code: core.CodePasskeyRefused, Detail: "What the passkey has signed is not what it was asked to sign here.", Cause: cause}
}

func unreadable(pointer string, cause error) error {
	err := core.Invalid(core.Problem{Code: core.ProblemFormat, Pointer: pointer, Detail: "This is not what a browser answers for a passkey."})
	err.Cause = cause
	return err
}
