package core

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
)

// PasskeyData is what an authenticator of the kind passkey keeps as its data:
// WebAuthn's credential record (Level 3 section 4), without the id, which is
// the handle, and the counter.
type PasskeyData struct {
	RPID           string   `json:"rp_id"`
	PublicKey      []byte   `json:"public_key"` // COSE_Key
	AAGUID         []byte   `json:"aaguid,omitempty"`
	Transports     []string `json:"transports,omitempty"`
	UserVerified   bool     `json:"user_verified,omitempty"`
	BackupEligible bool     `json:"backup_eligible,omitempty"`
	BackedUp       bool     `json:"backed_up,omitempty"`
}

// Passkey reads what a passkey keeps.
func (a Authenticator) Passkey() (PasskeyData, error) {
	var data PasskeyData
	err := json.Unmarshal([]byte(a.Data), &data)
	return data, err
}

// PasskeyChallenge is what a passkey is asked to sign, once.
type PasskeyChallenge struct {
	Challenge string    `json:"challenge"` // 32 bytes as base64url
	Enroll    bool      `json:"enroll,omitempty"`
	ExpiresAt time.Time `json:"expires"`
}

// NewPasskey is a passkey whose person is not there yet.
type NewPasskey struct {
	Handle  string `json:"handle"`
	Counter int64  `json:"counter,omitempty"`
	Data    string `json:"data"`
}

// RelyingParty is whom a pool's passkeys are for (WebAuthn Level 3 section 4).
type RelyingParty struct {
	ID    string   // a domain; empty: there can be no passkeys
	Pages []string // the origins of the pool's own pages
}

// RelyingParty returns whom the pool's passkeys are for, where its pages are at
// these addresses. The first one's host is it, unless the pool says otherwise.
// An IP address cannot be one.
func (s Settings) RelyingParty(pages ...string) RelyingParty {
	rp := RelyingParty{ID: s.PasskeyRPID}
	for _, page := range pages {
		u, err := url.Parse(page)
		if err != nil || u.Host == "" {
			continue
		}
		rp.Pages = append(rp.Pages, u.Scheme+"://"+strings.ToLower(u.Host))
		if host, ok := ParseDomain(u.Hostname()); rp.ID == "" && ok {
			rp.ID = host
		} else if rp.ID == "" && u.Hostname() == "localhost" {
			rp.ID = "localhost"
		}
	}
	return rp
}

// Covers reports whether a page of this origin may ask for the passkeys: a
// browser says so too (WebAuthn Level 3 section 5.1.3).
func (rp RelyingParty) Covers(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && rp.ID != "" && (u.Hostname() == rp.ID || strings.HasSuffix(u.Hostname(), "."+rp.ID))
}

func (s *Settings) checkRPID() error {
	if s.PasskeyRPID == "" || s.PasskeyRPID == "localhost" {
		return nil
	}
	if host, ok := ParseDomain(s.PasskeyRPID); !ok || host != s.PasskeyRPID || !strings.Contains(host, ".") {
		return errors.New("is not a domain such as example.org, in lower case and ASCII")
	}
	return nil
}
