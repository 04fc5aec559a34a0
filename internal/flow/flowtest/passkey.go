package flowtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// RPID is whom the passkeys of test pools are for.
const RPID = "login.example.org"

// Device is an authenticator in software: it makes passkeys and signs with
// them, as a browser would hand it on (WebAuthn Level 3 sections 6.3 and 5.8.1).
type Device struct {
	Passkeys []*Passkey
}

// Passkey is a credential of a device.
type Passkey struct {
	ID      []byte
	RPID    string
	Handle  []byte // of whom it is
	Counter uint32 // goes on with each use; stays where it begins at 0
	key     *ecdsa.PrivateKey
}

// The flags of authenticator data (section 6.1).
const (
	FlagPresent        = 1 << 0
	FlagVerified       = 1 << 2
	FlagBackupEligible = 1 << 3
	FlagBackedUp       = 1 << 4
	flagAttested       = 1 << 6
)

// Ceremony is everything that is signed. A test may change it before.
type Ceremony struct {
	Type        string
	Challenge   string
	Origin      string
	CrossOrigin bool
	TopOrigin   string
	RPID        string
	Flags       byte
	Counter     uint32
	ID          []byte
	Handle      []byte
	Passkey     *Passkey // whose key signs
	Spoil       bool     // the signature
}

type wireOptions struct {
	RP struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	RPID      string `json:"rpId"`
	Challenge string `json:"challenge"`
	Allow     []struct {
		ID string `json:"id"`
	} `json:"allowCredentials"`
	Exclude []struct {
		ID string `json:"id"`
	} `json:"excludeCredentials"`
}

func readOptions(t testing.TB, text []byte) wireOptions {
	t.Helper()
	var o wireOptions
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatalf("options %q: %v", text, err)
	}
	return o
}

// Create makes a passkey for a page of this origin and returns what the
// browser answers. change may be nil.
func (d *Device) Create(t testing.TB, options []byte, origin string, change func(*Ceremony)) []byte {
	t.Helper()
	o := readOptions(t, options)
	p := newPasskey(t, o.RP.ID, Unbase64(t, o.User.ID))
	for _, e := range o.Exclude {
		if slices.ContainsFunc(d.Passkeys, func(own *Passkey) bool { return base64.RawURLEncoding.EncodeToString(own.ID) == e.ID }) {
			t.Fatal("the device has a passkey that is not to be made again")
		}
	}
	c := Ceremony{Type: "webauthn.create", Challenge: o.Challenge, Origin: origin, RPID: o.RP.ID, Flags: FlagPresent | FlagVerified, Counter: p.Counter, ID: p.ID, Passkey: p}
	if change != nil {
		change(&c)
	}
	p.ID, p.Counter = c.ID, c.Counter
	public := p.public(t)
	data := c.authenticatorData(flagAttested)
	data = append(data, make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(p.ID)))
	data = append(append(data, p.ID...), public...)
	object := cborOf(t, map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	d.Passkeys = append(d.Passkeys, p)
	return jsonOf(t, map[string]any{
		"id": base64url(p.ID), "rawId": base64url(p.ID), "type": "public-key", "clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}},
		"authenticatorAttachment": "platform",
		"response":                map[string]any{"clientDataJSON": base64url(c.clientData(t)), "attestationObject": base64url(object), "transports": []string{"internal", "hybrid"}},
	})
}

func newPasskey(t testing.TB, rpID string, handle []byte) *Passkey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &Passkey{ID: make([]byte, 32), RPID: rpID, Handle: handle, Counter: 1, key: key}
	if _, err := rand.Read(p.ID); err != nil {
		t.Fatal(err)
	}
	return p
}

// public is the public key as a COSE_Key.
func (p *Passkey) public(t testing.TB) []byte {
	t.Helper()
	point, err := p.key.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		t.Fatal(err)
	}
	return cborOf(t, map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
}

// Passkey gives somebody a passkey of a device, without any ceremony.
func (h *House) Passkey(t testing.TB, caller core.Caller, d *Device, id core.UserID) *Passkey {
	t.Helper()
	p := newPasskey(t, RPID, []byte(id))
	data := jsonOf(t, core.PasskeyData{RPID: p.RPID, PublicKey: p.public(t), UserVerified: true, Transports: []string{"internal"}})
	h.Enrol(t, caller, core.Authenticator{User: id, Kind: core.AuthenticatorPasskey, Handle: base64url(p.ID), Counter: int64(p.Counter), Data: string(data)})
	d.Passkeys = append(d.Passkeys, p)
	return p
}

// Get signs with a passkey of the device and returns what the browser answers:
// with the first that the options allow, or the newest for their domain.
// change may be nil.
func (d *Device) Get(t testing.TB, options []byte, origin string, change func(*Ceremony)) []byte {
	t.Helper()
	o := readOptions(t, options)
	var p *Passkey
	for _, own := range d.Passkeys {
		allowed := len(o.Allow) == 0
		for _, a := range o.Allow {
			allowed = allowed || a.ID == base64url(own.ID)
		}
		if allowed && own.RPID == o.RPID {
			p = own
		}
	}
	if p == nil && len(d.Passkeys) > 0 {
		p = d.Passkeys[len(d.Passkeys)-1] // as no browser would
	}
	if p == nil {
		t.Fatal("the device has no passkey")
	}
	counter := p.Counter
	if counter > 0 {
		counter++
	}
	c := Ceremony{Type: "webauthn.get", Challenge: o.Challenge, Origin: origin, RPID: o.RPID, Flags: FlagPresent | FlagVerified, Counter: counter, ID: p.ID, Handle: p.Handle, Passkey: p}
	if change != nil {
		change(&c)
	}
	c.Passkey.Counter = max(c.Passkey.Counter, c.Counter)
	data, client := c.authenticatorData(0), c.clientData(t)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, c.Passkey.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if c.Spoil {
		signature[len(signature)-1] ^= 1
	}
	response := map[string]any{"clientDataJSON": base64url(client), "authenticatorData": base64url(data), "signature": base64url(signature)}
	if c.Handle != nil {
		response["userHandle"] = base64url(c.Handle)
	}
	return jsonOf(t, map[string]any{
		"id": base64url(c.ID), "rawId": base64url(c.ID), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response,
	})
}

func (c Ceremony) clientData(t testing.TB) []byte {
	t.Helper()
	data := map[string]any{"type": c.Type, "challenge": c.Challenge, "origin": c.Origin, "crossOrigin": c.CrossOrigin}
	if c.TopOrigin != "" {
		data["topOrigin"] = c.TopOrigin
	}
	return jsonOf(t, data)
}

func (c Ceremony) authenticatorData(more byte) []byte {
	hash := sha256.Sum256([]byte(c.RPID))
	return binary.BigEndian.AppendUint32(append(hash[:], c.Flags|more), c.Counter)
}

// Unbase64 reads base64url.
func Unbase64(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return b
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func cborOf(t testing.TB, v any) []byte {
	t.Helper()
	b, err := webauthncbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func jsonOf(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
