package store

import "github.com/gatehouse-id/gatehouse/internal/core"

// PutRecoveryCodes stores the keyed hashes of a person's recovery codes, in
// place of any before.
func (tx *Tx) PutRecoveryCodes(user core.UserID, hashes [][]byte) error {
	if _, err := tx.exec(`DELETE FROM recovery_codes WHERE pool = $1 AND user_id = $2`, string(user)); err != nil {
		return err
	}
	for _, hash := range hashes {
		if _, err := tx.exec(`INSERT INTO recovery_codes (pool, user_id, hash, created_at) VALUES ($1, $2, $3, $4)`, string(user), hash, micros(tx.now)); err != nil {
			return err
		}
	}
	return nil
}

// RecoveryCodes lists the keyed hashes of a person's recovery codes that were
// not used.
func (tx *Tx) RecoveryCodes(user core.UserID) ([][]byte, error) {
	var hashes [][]byte
	err := tx.rows(func(row scanner) error {
		var hash []byte
		err := row.Scan(&hash)
		hashes = append(hashes, hash)
		return err
	}, `SELECT hash FROM recovery_codes WHERE pool = $1 AND user_id = $2 ORDER BY hash`, string(user))
	return hashes, err
}

// UseRecoveryCode uses a recovery code of a person. Of any number who try at
// once, one gets true.
func (tx *Tx) UseRecoveryCode(user core.UserID, hash []byte) (bool, error) {
	n, err := tx.exec(`DELETE FROM recovery_codes WHERE pool = $1 AND user_id = $2 AND hash = $3`, string(user), hash)
	return n > 0, err
}
