package store

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Newcomer is somebody who comes by an import.
type Newcomer struct {
	User     core.User
	Password core.Authenticator // its Secret is empty for somebody without one
	// EmailKey and UsernameKey are by what the address and the name are the same
	// as another's. Empty: they are computed, which takes a while.
	EmailKey, UsernameKey string
}

// keys are by what a newcomer's address and name are the same as another's.
func (n Newcomer) keys() (email, username string, err error) {
	if n.EmailKey != "" && n.UsernameKey != "" {
		return n.EmailKey, n.UsernameKey, nil
	}
	return userKeys(n.User)
}

// AddNewcomers stores people who come by an import, in their order, and returns
// of each whether they are new. Somebody whose id, e-mail address or username
// is there already, or came before in the list, is not, and nobody is changed.
func (tx *Tx) AddNewcomers(by core.ImportID, people []Newcomer) ([]bool, error) {
	own := make([][]any, 0, len(people))
	at := make(map[string]int, len(people)) // by id, the first who has it
	for i, p := range people {
		u := p.User
		email, username, err := p.keys()
		if err != nil {
			return nil, err
		}
		profile, err := json.Marshal(u.Profile)
		if err != nil {
			return nil, err
		}
		if _, twice := at[string(u.ID)]; twice {
			continue
		}
		at[string(u.ID)] = i
		own = append(own, []any{string(u.ID), u.Email, email, u.Username, username, u.Phone, string(profile), u.EmailVerified, u.Disabled, micros(u.CreatedAt)})
	}
	added := make([]bool, len(people))
	var profiles, passwords [][]any
	n := int64(0)
	err := tx.insertRows(`INSERT INTO users (pool, import_id, login_count, last_login_at, last_login_address, accepted_terms, accepted_privacy, credentials, version, updated_at,
			id, email, email_key, username, username_key, phone, profile, email_verified, disabled, created_at) VALUES `, `ON CONFLICT DO NOTHING RETURNING id`,
		[]any{string(by), int64(0), int64(0), "", "", "", int64(0), int64(1), micros(tx.now)}, own, func(row scanner) error {
			var id string
			if err := row.Scan(&id); err != nil {
				return err
			}
			p := people[at[id]]
			added[at[id]] = true
			n++
			for _, name := range slices.Sorted(maps.Keys(p.User.Profile)) {
				profiles = append(profiles, []any{id, name, core.Fold(p.User.Profile[name])})
			}
			if p.Password.Secret != "" {
				passwords = append(passwords, []any{string(p.Password.ID), id, p.Password.Secret})
			}
			return nil
		})
	if err != nil || n == 0 {
		return added, err
	}
	if err := tx.insertRows(`INSERT INTO user_profile_values (pool, user_id, name, value_key) VALUES `, ``, nil, profiles, nil); err != nil {
		return nil, err
	}
	if err := tx.insertRows(`INSERT INTO authenticators (pool, kind, created_at, updated_at, id, user_id, secret) VALUES `, ``,
		[]any{string(core.AuthenticatorPassword), micros(tx.now), micros(tx.now)}, passwords, nil); err != nil {
		return nil, err
	}
	return added, tx.count(counterUsers, string(people[0].User.ID), n)
}

// newcomerRows is how many rows one statement inserts at least. What
// [engine.rowsAtOnce] says of SQLite is about rows without an end: of so few, it
// keeps few pages twice, and the way to it is what takes the time.
const newcomerRows = 50

// insertRows inserts rows, many in one statement. Of the columns that into
// names, the first is the pool, and the next are shared by all rows. What a
// statement returns goes to scan.
func (tx *Tx) insertRows(into, conflict string, shared []any, own [][]any, scan func(scanner) error) error {
	if len(own) == 0 {
		return nil
	}
	for rows := range slices.Chunk(own, max(newcomerRows, tx.store.engine.rowsAtOnce())) {
		args := slices.Clone(shared)
		for _, row := range rows {
			args = append(args, row...)
		}
		statement := into + rowsOf(1+len(shared), len(own[0]), len(rows), tx.store.engine.parameter) + ` ` + conflict
		var err error
		if scan != nil {
			err = tx.rows(scan, statement, args...)
		} else {
			_, err = tx.exec(statement, args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Standing is somebody who stands in a newcomer's way.
type Standing struct {
	User core.UserID
	What string // the field that is theirs: "id", "email" or "username"
}

// Standing returns for each of these people who has their id, e-mail address or
// username already, or nobody. There may be 300 of them.
func (tx *Tx) Standing(people []Newcomer) ([]Standing, error) {
	standing := make([]Standing, len(people))
	if len(people) == 0 {
		return standing, nil
	}
	ids, emails, usernames := make(map[string]int), make(map[string][]int), make(map[string][]int)
	var args []any
	places := [3][]string{}
	for i, p := range people {
		u := p.User
		email, username, err := p.keys()
		if err != nil {
			return nil, err
		}
		for k, key := range []string{string(u.ID), email, username} {
			args = append(args, key)
			places[k] = append(places[k], "$"+strconv.Itoa(len(args)+1))
		}
		ids[string(u.ID)], emails[email], usernames[username] = i, append(emails[email], i), append(usernames[username], i)
	}
	// A statement stays prepared: there must be few of them.
	for size := range slices.Values([]int{10, 100, 300}) {
		for len(people) < size && len(places[0]) < size && (size == 10 || len(people) > size/10) {
			for k := range places {
				places[k] = append(places[k], places[k][0])
			}
		}
	}
	err := tx.rows(func(row scanner) error {
		var id core.UserID
		var email, username string
		if err := row.Scan(&id, &email, &username); err != nil {
			return err
		}
		for _, i := range usernames[username] {
			standing[i] = Standing{id, "username"}
		}
		for _, i := range emails[email] {
			standing[i] = Standing{id, "email"}
		}
		if i, same := ids[string(id)]; same {
			standing[i] = Standing{id, "id"}
		}
		return nil
	}, `SELECT id, email_key, username_key FROM users WHERE pool = $1 AND id IN (`+strings.Join(places[0], ", ")+`)
		UNION SELECT id, email_key, username_key FROM users WHERE pool = $1 AND email_key IN (`+strings.Join(places[1], ", ")+`)
		UNION SELECT id, email_key, username_key FROM users WHERE pool = $1 AND username_key IN (`+strings.Join(places[2], ", ")+`)`, args...)
	return standing, err
}
