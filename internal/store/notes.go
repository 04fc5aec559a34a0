package store

import (
	"time"
)

// PutNote remembers something for a face, under a name, until a time.
func (tx *Tx) PutNote(face, name, data string, until time.Time) error {
	_, err := tx.exec(`
		INSERT INTO notes (pool, face, name, data, expires_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (pool, face, name) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`, face, name, data, micros(until))
	return err
}

// Note returns what a face remembered. It returns [core.CodeNotFound] for what
// is unknown or past its time.
func (tx *Tx) Note(face, name string) (string, error) {
	var data string
	err := tx.row(`SELECT data FROM notes WHERE pool = $1 AND face = $2 AND name = $3 AND expires_at > $4`, face, name, micros(tx.now)).Scan(&data)
	return data, found(err, "note")
}
