package web

import (
	"encoding/base64"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// KeySet is the keys by which others verify a pool's signed tokens (RFC 7517
// section 5).
type KeySet struct {
	Keys []PublicKey `json:"keys"`
}

// PublicKey is the public half of a key on the curve P-256 (RFC 7518 section
// 6.2.1).
type PublicKey struct {
	Type      string `json:"kty"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// WriteKeySet answers with the keys by which anybody, also a page of another
// site, verifies signed tokens. A next key is published a day before it signs,
// so that this answer may be kept for a while.
func WriteKeySet(w http.ResponseWriter, keys []core.SigningKey) error {
	set, err := NewKeySet(keys)
	if err != nil {
		return err
	}
	text, err := json.Marshal(set)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	// Whoever asked may have gone away.
	_, _ = w.Write(text)
	return nil
}

// NewKeySet spells signing keys. Of none it is a set that is empty.
func NewKeySet(keys []core.SigningKey) (KeySet, error) {
	set := KeySet{Keys: make([]PublicKey, 0, len(keys))}
	for _, k := range keys {
		point, err := k.Public.Bytes() // SEC 1 section 2.3.3: 4, x, y
		if err != nil {
			return KeySet{}, err
		}
		half := (len(point) - 1) / 2
		set.Keys = append(set.Keys, PublicKey{
			Type: "EC", Algorithm: "ES256", Curve: k.Public.Params().Name, ID: string(k.ID), Use: "sig",
			X: base64.RawURLEncoding.EncodeToString(point[1 : 1+half]), Y: base64.RawURLEncoding.EncodeToString(point[1+half:]),
		})
	}
	return set, nil
}
