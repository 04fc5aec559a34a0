package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const userColumns = `id, email, username, phone, profile, email_verified, disabled, login_count, last_login_at, last_login_address,
	accepted_terms, accepted_privacy, credentials, version, created_at, updated_at`

// counterUsers is the name of the kept count of a pool's people.
const counterUsers = "users"

// CreateUser stores a new person. It returns [core.CodeTaken], with the field
// named, if the e-mail address or the username is somebody's already.
func (tx *Tx) CreateUser(u core.User) error {
	email, username, err := userKeys(u)
	if err != nil {
		return err
	}
	profile, err := json.Marshal(u.Profile)
	if err != nil {
		return err
	}
	n, err := tx.exec(`
		INSERT INTO users (pool, id, email, email_key, username, username_key, phone, profile, email_verified, disabled, login_count,
			last_login_at, last_login_address, accepted_terms, accepted_privacy, credentials, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, 1, $16, $17)
		ON CONFLICT DO NOTHING`,
		string(u.ID), u.Email, email, u.Username, username, u.Phone, string(profile), u.EmailVerified, u.Disabled, u.LoginCount,
		micros(u.LastLoginAt), u.LastLoginAddress, u.AcceptedTerms, u.AcceptedPrivacy, micros(u.CreatedAt), micros(u.UpdatedAt))
	if err != nil {
		return err
	}
	if n == 0 {
		return tx.userTaken(email)
	}
	if err := tx.count(counterUsers, string(u.ID), 1); err != nil {
		return err
	}
	return tx.putProfileValues(u.ID, u.Profile)
}

func (tx *Tx) userTaken(emailKey string) error {
	var one int
	problem := core.Problem{Code: core.ProblemTaken, Pointer: "/username", Detail: "This username is taken."}
	switch err := tx.row(`SELECT 1 FROM users WHERE pool = $1 AND email_key = $2`, emailKey).Scan(&one); {
	case err == nil:
		problem = core.Problem{Code: core.ProblemTaken, Pointer: "/email", Detail: "This e-mail address is taken."}
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	return &core.Error{Code: core.CodeTaken, Detail: problem.Detail, Fields: []core.Problem{problem}}
}

// User returns the person with this id.
func (tx *Tx) User(id core.UserID) (core.User, error) {
	u, err := scanUser(tx.row(`SELECT `+userColumns+` FROM users WHERE pool = $1 AND id = $2`, string(id)))
	return u, found(err, "user")
}

// UserByEmail returns the person with this address, by [core.Email] key.
func (tx *Tx) UserByEmail(key string) (core.User, error) {
	u, err := scanUser(tx.row(`SELECT `+userColumns+` FROM users WHERE pool = $1 AND email_key = $2`, key))
	return u, found(err, "user")
}

// UserByUsername returns the person with this username, by its folded key.
func (tx *Tx) UserByUsername(key string) (core.User, error) {
	u, err := scanUser(tx.row(`SELECT `+userColumns+` FROM users WHERE pool = $1 AND username_key = $2`, key))
	return u, found(err, "user")
}

// UpdateUser stores a person that was read in this transaction and changed.
// Identifiers cannot be changed by it.
func (tx *Tx) UpdateUser(u core.User) error {
	profile, err := json.Marshal(u.Profile)
	if err != nil {
		return err
	}
	n, err := tx.exec(`
		UPDATE users SET phone = $3, profile = $4, email_verified = $5, disabled = $6, accepted_terms = $7, accepted_privacy = $8,
			version = version + 1, updated_at = $9
		WHERE pool = $1 AND id = $2 AND version = $10`,
		string(u.ID), u.Phone, string(profile), u.EmailVerified, u.Disabled, u.AcceptedTerms, u.AcceptedPrivacy, micros(tx.now), u.Version)
	if err != nil {
		return err
	}
	if n == 0 {
		return errOvertaken
	}
	if _, err := tx.exec(`DELETE FROM user_profile_values WHERE pool = $1 AND user_id = $2`, string(u.ID)); err != nil {
		return err
	}
	if err := tx.putProfileValues(u.ID, u.Profile); err != nil {
		return err
	}
	return tx.changed(ChangeUser, string(u.ID))
}

// ChangeCredentials lets whatever a person proved before count no more, and
// returns the number that proofs bear from now on. It comes before the other
// writes of a change: a sign-in of the same person at the same time then is
// either seen by them or sees the change itself.
func (tx *Tx) ChangeCredentials(id core.UserID) (int64, error) {
	var n int64
	err := tx.row(`UPDATE users SET credentials = credentials + 1 WHERE pool = $1 AND id = $2 RETURNING credentials`, string(id)).Scan(&n)
	if err != nil {
		return 0, found(err, "user")
	}
	return n, tx.changed(ChangeUser, string(id))
}

// CountLogin notes a sign-in from an address on the person, if their
// credentials are still the ones of this number. It returns [core.CodeDisabled] for somebody who was
// disabled or deleted in the meantime, and [core.CodeConflict] for somebody
// whose password was changed.
func (tx *Tx) CountLogin(id core.UserID, credentials int64, address string) error {
	n, err := tx.exec(`
		UPDATE users SET login_count = login_count + 1, last_login_at = $3, last_login_address = $4
		WHERE pool = $1 AND id = $2 AND disabled = FALSE AND credentials = $5`, string(id), micros(tx.now), address, credentials)
	if err != nil || n > 0 {
		return err
	}
	user, err := tx.User(id)
	switch {
	case core.Is(err, core.CodeNotFound) || (err == nil && user.Disabled):
		return core.Fail(core.CodeDisabled, "This account is disabled.")
	case err == nil:
		return core.Fail(core.CodeConflict, "The password was changed at the same time. Sign in again.")
	}
	return err
}

// DeleteUser ends a person's sessions and forgets them with all that was
// theirs.
func (tx *Tx) DeleteUser(id core.UserID) error {
	// Before the person, in the order in which an invitation is used.
	if _, err := tx.endInvitations(`
		DELETE FROM invitations WHERE pool = $1 AND email_key = (SELECT email_key FROM users WHERE pool = $1 AND id = $2) RETURNING id`, string(id)); err != nil {
		return err
	}
	n, err := tx.exec(`DELETE FROM users WHERE pool = $1 AND id = $2`, string(id))
	if err != nil {
		return err
	}
	if n == 0 {
		return core.Fail(core.CodeNotFound, "There is no such user.")
	}
	for _, statement := range []string{
		`DELETE FROM access_tokens WHERE pool = $1 AND session_id IN (SELECT id FROM sessions WHERE pool = $1 AND user_id = $2)`,
		`DELETE FROM refresh_tokens WHERE pool = $1 AND session_id IN (SELECT id FROM sessions WHERE pool = $1 AND user_id = $2)`,
		`DELETE FROM authenticators WHERE pool = $1 AND user_id = $2`,
		`DELETE FROM consents WHERE pool = $1 AND user_id = $2`,
		`DELETE FROM devices WHERE pool = $1 AND user_id = $2`,
		`DELETE FROM sightings WHERE pool = $1 AND user_id = $2`,
		`DELETE FROM recovery_codes WHERE pool = $1 AND user_id = $2`,
		`DELETE FROM user_profile_values WHERE pool = $1 AND user_id = $2`,
		`DELETE FROM tickets WHERE pool = $1 AND subject = $2`,
		`DELETE FROM attempts WHERE pool = $1 AND subject = $2`,
	} {
		if _, err := tx.exec(statement, string(id)); err != nil {
			return err
		}
	}
	// Of those that had ended before, applications were told then.
	gone, err := tx.ended(id, `DELETE FROM sessions WHERE pool = $1 AND user_id = $2 RETURNING id, CASE WHEN ended_at = 0 THEN application ELSE '' END`)
	if err != nil {
		return err
	}
	if err := tx.tellOf(gone); err != nil {
		return err
	}
	if err := tx.count(counterUsers, string(id), -1); err != nil {
		return err
	}
	return tx.changed(ChangeUser, string(id))
}

// Users returns a page of people, how many match in all, and the cursor of the
// next page (empty on the last one).
func (tx *Tx) Users(q core.Query) (users []core.User, total int64, next string, err error) {
	next, err = tx.page(userList(), q, func(row scanner, extra ...any) error {
		u, err := scanUser(row, extra...)
		users = append(users, u)
		return err
	})
	if err != nil {
		return nil, 0, "", err
	}
	if len(q.Conditions) == 0 {
		total, err = tx.counted(counterUsers)
	} else {
		total, err = tx.matching(userList(), q)
	}
	return users, total, next, err
}

// ProfileNames are the names of all fields that some profile has, in order.
func (tx *Tx) ProfileNames() ([]string, error) {
	var names []string
	err := tx.rows(func(row scanner) error {
		var name string
		err := row.Scan(&name)
		names = append(names, name)
		return err
	}, `SELECT DISTINCT name FROM user_profile_values WHERE pool = $1 ORDER BY name`)
	return names, err
}

// userList says what people can be searched and sorted by.
func userList() list {
	return list{
		table: "users", from: "users", columns: userColumns, order: "created_at",
		fields: map[string]field{
			"id":                 {column: "id", kind: exactText},
			"email":              {column: "email_key", kind: foldedText},
			"username":           {column: "username_key", kind: foldedText},
			"phone":              {column: "phone", kind: exactText},
			"verified":           {column: "email_verified", kind: truth},
			"disabled":           {column: "disabled", kind: truth},
			"login_count":        {column: "login_count", kind: number},
			"last_login_at":      {column: "last_login_at", kind: instant},
			"last_login_address": {column: "last_login_address", kind: exactText},
			"accepted_terms":     {column: "accepted_terms", kind: exactText},
			"accepted_privacy":   {column: "accepted_privacy", kind: exactText},
			"created_at":         {column: "created_at", kind: instant},
			"profile": {column: "value_key", kind: foldedText,
				within: `EXISTS (SELECT 1 FROM user_profile_values v WHERE v.pool = $1 AND v.user_id = users.id AND v.name = %s AND %s)`},
		},
	}
}

func (tx *Tx) putProfileValues(id core.UserID, profile core.Profile) error {
	for names := range slices.Chunk(slices.Sorted(maps.Keys(profile)), tx.store.engine.rowsAtOnce()) {
		args := []any{string(id)}
		for _, name := range names {
			args = append(args, name, core.Fold(profile[name]))
		}
		_, err := tx.exec(`INSERT INTO user_profile_values (pool, user_id, name, value_key) VALUES `+rowsOf(2, 2, len(names), numbered), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

func userKeys(u core.User) (emailKey, usernameKey string, err error) {
	email, ok := core.ParseEmail(u.Email)
	if !ok {
		return "", "", fmt.Errorf("user %s has no valid e-mail address", u.ID)
	}
	if u.Username == u.Email {
		return email.Key, email.Key, nil
	}
	return email.Key, core.Fold(u.Username), nil
}

func scanUser(row scanner, extra ...any) (core.User, error) {
	var u core.User
	var profile string
	var lastLogin, created, updated int64
	err := row.Scan(append([]any{&u.ID, &u.Email, &u.Username, &u.Phone, &profile, &u.EmailVerified, &u.Disabled, &u.LoginCount, &lastLogin,
		&u.LastLoginAddress, &u.AcceptedTerms, &u.AcceptedPrivacy, &u.Credentials, &u.Version, &created, &updated}, extra...)...)
	if err != nil {
		return core.User{}, err
	}
	u.LastLoginAt, u.CreatedAt, u.UpdatedAt = moment(lastLogin), moment(created), moment(updated)
	return u, json.Unmarshal([]byte(profile), &u.Profile)
}

// shards is over how many rows a count is spread.
const shards = 16

// count adds to a kept count. The id picks the shard.
func (tx *Tx) count(name, id string, by int64) error {
	h := fnv.New32a()
	h.Write([]byte(id))
	_, err := tx.exec(`
		INSERT INTO counters (pool, name, shard, n) VALUES ($1, $2, $3, $4)
		ON CONFLICT (pool, name, shard) DO UPDATE SET n = counters.n + excluded.n`, name, int64(h.Sum32()%shards), by)
	return err
}

// counted reads a kept count.
func (tx *Tx) counted(name string) (int64, error) {
	var n int64
	err := tx.row(`SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counters WHERE pool = $1 AND name = $2`, name).Scan(&n)
	return n, err
}
