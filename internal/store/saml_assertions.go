package store

import "time"

// SpendAssertion takes an assertion of a SAML provider, by the keyed hash of its
// id, and reports whether it was the first to. It is remembered until it would
// not be taken any more: of any number who try before, on any node, one
// succeeds.
func (tx *Tx) SpendAssertion(provider string, hash []byte, expires time.Time) (bool, error) {
	n, err := tx.exec(`INSERT INTO saml_assertions (pool, provider, hash, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		provider, hash, micros(expires))
	return n > 0, err
}
