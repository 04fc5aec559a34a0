package store

import (
	"encoding/json"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const applicationColumns = `id, name, client, created_at, updated_at, version`

// PutApplication stores an application with the keyed hash of the secret that
// it was made with, nil for none. It returns [core.CodeTaken] for an id that any
// pool has.
func (tx *Tx) PutApplication(a core.Application, secretHash []byte) error {
	client, err := json.Marshal(a.Client)
	if err != nil {
		return err
	}
	if secretHash == nil {
		secretHash = []byte{}
	}
	n, err := tx.exec(`
		INSERT INTO applications (pool, id, name, secret_hash, client, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, 0, 1)
		ON CONFLICT DO NOTHING`, string(a.ID), a.Name, secretHash, string(client), micros(a.CreatedAt))
	if err == nil && n == 0 {
		return core.Fail(core.CodeTaken, "There is an application of this id already.")
	}
	return err
}

// UpdateApplication stores an application that was read at this version. If it
// has changed since, or is gone, it returns [core.CodeConflict].
func (tx *Tx) UpdateApplication(a core.Application) error {
	client, err := json.Marshal(a.Client)
	if err != nil {
		return err
	}
	n, err := tx.exec(`UPDATE applications SET name = $3, client = $4, updated_at = $5, version = version + 1 WHERE pool = $1 AND id = $2 AND version = $6`,
		string(a.ID), a.Name, string(client), micros(tx.now), a.Version)
	if err == nil && n == 0 {
		err = core.Fail(core.CodeConflict, "The application was changed by somebody else at the same time.")
	}
	if err != nil {
		return err
	}
	return tx.changed(ChangeApplication, string(a.ID))
}

// DeleteApplication forgets an application with its secrets, its own tokens and
// what people let it have, and ends the sessions of people with it. It returns
// [core.CodeNotFound] for none.
func (tx *Tx) DeleteApplication(id core.ApplicationID) error {
	n, err := tx.exec(`DELETE FROM applications WHERE pool = $1 AND id = $2`, string(id))
	if err != nil {
		return err
	}
	if n == 0 {
		return core.Fail(core.CodeNotFound, "There is no such application.")
	}
	for _, statement := range []string{
		`DELETE FROM application_secrets WHERE pool = $1 AND application = $2`,
		`DELETE FROM client_tokens WHERE pool = $1 AND application = $2`,
		`DELETE FROM device_codes WHERE pool = $1 AND application = $2`,
		`DELETE FROM consents WHERE pool = $1 AND application = $2`,
	} {
		if _, err := tx.exec(statement, string(id)); err != nil {
			return err
		}
	}
	if _, err := tx.exec(`UPDATE sessions SET ended_at = $3 WHERE pool = $1 AND application = $2 AND ended_at = 0`, string(id), micros(tx.now)); err != nil {
		return err
	}
	return tx.changed(ChangeApplication, string(id))
}

// Application returns an application of the pool, or [core.CodeNotFound].
func (tx *Tx) Application(id core.ApplicationID) (core.Application, error) {
	a, err := scanApplication(tx.row(`SELECT `+applicationColumns+` FROM applications WHERE pool = $1 AND id = $2`, string(id)))
	return a, found(err, "application")
}

// Applications lists the pool's applications, oldest first.
func (tx *Tx) Applications() ([]core.Application, error) {
	var all []core.Application
	err := tx.rows(func(row scanner) error {
		a, err := scanApplication(row)
		all = append(all, a)
		return err
	}, `SELECT `+applicationColumns+` FROM applications WHERE pool = $1 ORDER BY created_at, id`)
	return all, err
}

func scanApplication(row scanner, more ...any) (core.Application, error) {
	var a core.Application
	var client string
	var created, updated int64
	err := row.Scan(append([]any{&a.ID, &a.Name, &client, &created, &updated, &a.Version}, more...)...)
	if err == nil && client != "" {
		err = json.Unmarshal([]byte(client), &a.Client)
	}
	a.CreatedAt, a.UpdatedAt = moment(created), moment(updated)
	return a, err
}

const applicationSecretColumns = `id, application, name, description, metadata, created_at, expires_at, revoked_at`

// PutApplicationSecret stores a secret of an application under its keyed hash.
func (tx *Tx) PutApplicationSecret(s core.ApplicationSecret, hash []byte) error {
	metadata, err := json.Marshal(s.Metadata)
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		INSERT INTO application_secrets (pool, id, application, hash, name, description, metadata, created_at, expires_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)`,
		string(s.ID), string(s.Application), hash, s.Name, s.Description, string(metadata), micros(s.CreatedAt), micros(s.ExpiresAt))
	if err != nil {
		return err
	}
	return tx.changed(ChangeApplication, string(s.Application))
}

// ApplicationSecret finds a secret by its keyed hash. It returns
// [core.CodeNotFound] for none; whether it is alive is for the caller to ask.
func (tx *Tx) ApplicationSecret(hash []byte) (core.ApplicationSecret, error) {
	s, err := scanApplicationSecret(tx.row(`SELECT `+applicationSecretColumns+` FROM application_secrets WHERE pool = $1 AND hash = $2`, hash))
	return s, found(err, "secret")
}

// ApplicationSecrets lists the secrets of an application, oldest first.
func (tx *Tx) ApplicationSecrets(id core.ApplicationID) ([]core.ApplicationSecret, error) {
	var all []core.ApplicationSecret
	err := tx.rows(func(row scanner) error {
		s, err := scanApplicationSecret(row)
		all = append(all, s)
		return err
	}, `SELECT `+applicationSecretColumns+` FROM application_secrets WHERE pool = $1 AND application = $2 ORDER BY created_at, id`, string(id))
	return all, err
}

// RevokeApplicationSecret ends a secret at once. It returns
// [core.CodeNotFound] for one that the application does not have; revoking it
// again changes nothing.
func (tx *Tx) RevokeApplicationSecret(application core.ApplicationID, id core.ApplicationSecretID) error {
	n, err := tx.exec(`
		UPDATE application_secrets SET revoked_at = CASE WHEN revoked_at = 0 THEN CAST($4 AS BIGINT) ELSE revoked_at END
		WHERE pool = $1 AND application = $2 AND id = $3`, string(application), string(id), micros(tx.now))
	if err != nil {
		return err
	}
	if n == 0 {
		return core.Fail(core.CodeNotFound, "The application has no such secret.")
	}
	return tx.changed(ChangeApplication, string(application))
}

func scanApplicationSecret(row scanner) (core.ApplicationSecret, error) {
	var s core.ApplicationSecret
	var metadata string
	var created, expires, revoked int64
	err := row.Scan(&s.ID, &s.Application, &s.Name, &s.Description, &metadata, &created, &expires, &revoked)
	if err == nil {
		err = json.Unmarshal([]byte(metadata), &s.Metadata)
	}
	s.CreatedAt, s.ExpiresAt, s.RevokedAt = moment(created), moment(expires), moment(revoked)
	return s, err
}

// PutConsent stores what a person lets an application have. What they let it
// have before stays.
func (tx *Tx) PutConsent(user core.UserID, application core.ApplicationID, scopes []string) error {
	for _, scope := range scopes {
		_, err := tx.exec(`
			INSERT INTO consents (pool, user_id, application, scope, granted_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (pool, user_id, application, scope) DO UPDATE SET granted_at = excluded.granted_at`,
			string(user), string(application), scope, micros(tx.now))
		if err != nil {
			return err
		}
	}
	return nil
}

// Consents lists the scopes that a person lets an application have.
func (tx *Tx) Consents(user core.UserID, application core.ApplicationID) ([]string, error) {
	var scopes []string
	err := tx.rows(func(row scanner) error {
		var scope string
		err := row.Scan(&scope)
		scopes = append(scopes, scope)
		return err
	}, `SELECT scope FROM consents WHERE pool = $1 AND user_id = $2 AND application = $3 ORDER BY scope`, string(user), string(application))
	return scopes, err
}

// PutClientToken stores an application's own token under its keyed hash.
func (tx *Tx) PutClientToken(hash []byte, t core.ClientToken) error {
	_, err := tx.exec(`INSERT INTO client_tokens (pool, hash, id, application, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		hash, string(t.ID), string(t.Application), strings.Join(t.Scopes, " "), micros(t.CreatedAt), micros(t.ExpiresAt))
	return err
}

// ClientToken returns what an application's own token stands for, past its time
// or not. It returns [core.CodeTokenInvalid] for one that is unknown.
func (tx *Tx) ClientToken(hash []byte) (core.ClientToken, error) {
	var t core.ClientToken
	var scopes string
	var created, expires int64
	err := tx.row(`SELECT id, application, scopes, created_at, expires_at FROM client_tokens WHERE pool = $1 AND hash = $2`, hash).
		Scan(&t.ID, &t.Application, &scopes, &created, &expires)
	t.Scopes, t.CreatedAt, t.ExpiresAt = scopesOf(scopes), moment(created), moment(expires)
	return t, invalidToken(err)
}

// DeleteClientToken ends a token of an application; it returns false if there
// is none.
func (tx *Tx) DeleteClientToken(application core.ApplicationID, hash []byte) (bool, error) {
	n, err := tx.exec(`DELETE FROM client_tokens WHERE pool = $1 AND application = $2 AND hash = $3`, string(application), hash)
	return n > 0, err
}

// scopesOf takes scopes apart as they are stored; of none it is nil.
func scopesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, " ")
}
