package store

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const groupColumns = `id, name, type, description, attributes, version, created_at, updated_at`

// CreateGroup stores a new group, which nobody is in yet.
func (tx *Tx) CreateGroup(g core.Group) error {
	attributes, err := json.Marshal(g.Attributes)
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		INSERT INTO user_groups (pool, id, name, name_key, type, description, attributes, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9)`,
		string(g.ID), g.Name, core.Fold(g.Name), g.Type, g.Description, string(attributes), micros(g.CreatedAt), micros(g.UpdatedAt))
	return err
}

// Group returns the group with this id.
func (tx *Tx) Group(id core.GroupID) (core.Group, error) {
	g, err := scanGroup(tx.row(`SELECT `+groupColumns+` FROM user_groups WHERE pool = $1 AND id = $2`, string(id)))
	return g, found(err, "group")
}

// UpdateGroup stores a group that was read in this transaction and changed.
func (tx *Tx) UpdateGroup(g core.Group) error {
	attributes, err := json.Marshal(g.Attributes)
	if err != nil {
		return err
	}
	n, err := tx.exec(`
		UPDATE user_groups SET name = $3, name_key = $4, type = $5, description = $6, attributes = $7, version = version + 1, updated_at = $8
		WHERE pool = $1 AND id = $2 AND version = $9`,
		string(g.ID), g.Name, core.Fold(g.Name), g.Type, g.Description, string(attributes), micros(g.UpdatedAt), g.Version)
	if err == nil && n == 0 {
		err = errOvertaken
	}
	return err
}

// DeleteGroup deletes a group, and with it that anybody is in it.
func (tx *Tx) DeleteGroup(id core.GroupID) error {
	n, err := tx.exec(`DELETE FROM user_groups WHERE pool = $1 AND id = $2`, string(id))
	if err == nil && n == 0 {
		err = core.Fail(core.CodeNotFound, "There is no such group.")
	}
	return err
}

// AddMember puts somebody in a group. It returns false if they are in it
// already, and [core.CodeNotFound] where there is no such group or person. A
// group or a person that is deleted at the same time was either deleted before,
// or takes the membership along.
func (tx *Tx) AddMember(group core.GroupID, user core.UserID) (bool, error) {
	n, err := tx.exec(`
		INSERT INTO group_members (pool, group_id, user_id, created_at)
		SELECT g.pool, g.id, u.id, CAST($4 AS BIGINT) FROM user_groups g JOIN users u ON u.pool = g.pool WHERE g.pool = $1 AND g.id = $2 AND u.id = $3
		ON CONFLICT DO NOTHING`, string(group), string(user), micros(tx.now))
	if tx.store.engine.orphan(err) {
		return false, errOvertaken
	}
	if err != nil || n > 0 {
		return n > 0, err
	}
	var one int
	err = tx.row(`SELECT 1 FROM group_members WHERE pool = $1 AND group_id = $2 AND user_id = $3`, string(group), string(user)).Scan(&one)
	return false, found(err, "group or person")
}

// RemoveMember takes somebody out of a group. It returns [core.CodeNotFound]
// where they are not in it.
func (tx *Tx) RemoveMember(group core.GroupID, user core.UserID) error {
	n, err := tx.exec(`DELETE FROM group_members WHERE pool = $1 AND group_id = $2 AND user_id = $3`, string(group), string(user))
	if err == nil && n == 0 {
		err = core.Fail(core.CodeNotFound, "The person is not in such a group.")
	}
	return err
}

// GroupsOf returns for each of these people the first of their groups, as
// Memberships has them, and of each person at most so many. Who is in none has
// no entry.
func (tx *Tx) GroupsOf(users []core.UserID, most int) (map[core.UserID][]core.GroupID, error) {
	if len(users) == 0 || most <= 0 {
		return nil, nil
	}
	args, places := []any{int64(most)}, make([]string, len(users))
	for i, id := range users {
		args, places[i] = append(args, string(id)), "$"+strconv.Itoa(i+3)
	}
	groups := make(map[core.UserID][]core.GroupID)
	err := tx.rows(func(row scanner) error {
		var user core.UserID
		var group core.GroupID
		err := row.Scan(&user, &group)
		groups[user] = append(groups[user], group)
		return err
	}, `SELECT user_id, group_id FROM (
			SELECT user_id, group_id, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY created_at, group_id) AS place
			FROM group_members WHERE pool = $1 AND user_id IN (`+strings.Join(places, ", ")+`)) ranked
		WHERE place <= $2 ORDER BY user_id, place`, args...)
	return groups, err
}

// Groups returns a page of the groups, how many match in all, and the cursor of
// the next page (empty on the last one).
func (tx *Tx) Groups(q core.Query) (groups []core.Group, total int64, next string, err error) {
	next, err = tx.page(groupList(), q, func(row scanner, extra ...any) error {
		g, err := scanGroup(row, extra...)
		groups = append(groups, g)
		return err
	})
	if err != nil {
		return nil, 0, "", err
	}
	total, err = tx.matching(groupList(), q)
	return groups, total, next, err
}

// groupList says what groups can be searched and sorted by.
func groupList() list {
	return list{
		table: "groups", from: "user_groups", columns: groupColumns, order: "created_at",
		fields: map[string]field{
			"id":         {column: "id", kind: exactText},
			"name":       {column: "name_key", kind: foldedText},
			"type":       {column: "type", kind: exactText},
			"created_at": {column: "created_at", kind: instant},
			"updated_at": {column: "updated_at", kind: instant},
		},
	}
}

// memberRows is people with the groups that they are in, as one set of rows.
// What pages are ordered by is the membership's, which has indexes for it.
const memberRows = `(
	SELECT m.pool, m.user_id AS id, m.group_id, m.created_at AS joined_at, u.email, u.username, u.phone, u.profile, u.email_verified, u.disabled, u.login_count,
		u.last_login_at, u.last_login_address, u.accepted_terms, u.accepted_privacy, u.credentials, u.version, u.created_at, u.updated_at
	FROM group_members m JOIN users u ON u.pool = m.pool AND u.id = m.user_id) members`

// Members returns a page of the people who are in a group, those first who have
// been in it the longest, how many there are, and the cursor of the next page
// (empty on the last one). Of the query it takes the page alone.
func (tx *Tx) Members(group core.GroupID, q core.Query) (users []core.User, total int64, next string, err error) {
	l := list{
		table: "members", from: memberRows, columns: userColumns, order: "joined_at",
		fields: map[string]field{"group": {column: "group_id", kind: exactText}, "joined_at": {column: "joined_at", kind: instant}},
	}
	in := core.Condition{Field: "group", Op: core.OpEquals, Values: []any{string(group)}}
	next, err = tx.page(l, core.Query{Conditions: []core.Condition{in}, Size: q.Size, After: q.After}, func(row scanner, extra ...any) error {
		u, err := scanUser(row, extra...)
		users = append(users, u)
		return err
	})
	if err != nil {
		return nil, 0, "", err
	}
	err = tx.row(`SELECT COUNT(*) FROM group_members WHERE pool = $1 AND group_id = $2`, string(group)).Scan(&total)
	return users, total, next, err
}

// membershipRows is the same from the other side.
const membershipRows = `(
	SELECT m.pool, m.group_id AS id, m.user_id, m.created_at AS joined_at, g.name, g.type, g.description, g.attributes, g.version, g.created_at, g.updated_at
	FROM group_members m JOIN user_groups g ON g.pool = m.pool AND g.id = m.group_id) memberships`

// Memberships returns a page of the groups that a person is in, those first
// that they have been in the longest, as Members does.
func (tx *Tx) Memberships(user core.UserID, q core.Query) (groups []core.Group, total int64, next string, err error) {
	l := list{
		table: "memberships", from: membershipRows, columns: groupColumns, order: "joined_at",
		fields: map[string]field{"user": {column: "user_id", kind: exactText}, "joined_at": {column: "joined_at", kind: instant}},
	}
	of := core.Condition{Field: "user", Op: core.OpEquals, Values: []any{string(user)}}
	next, err = tx.page(l, core.Query{Conditions: []core.Condition{of}, Size: q.Size, After: q.After}, func(row scanner, extra ...any) error {
		g, err := scanGroup(row, extra...)
		groups = append(groups, g)
		return err
	})
	if err != nil {
		return nil, 0, "", err
	}
	err = tx.row(`SELECT COUNT(*) FROM group_members WHERE pool = $1 AND user_id = $2`, string(user)).Scan(&total)
	return groups, total, next, err
}

func scanGroup(row scanner, extra ...any) (core.Group, error) {
	var g core.Group
	var attributes string
	var created, updated int64
	err := row.Scan(append([]any{&g.ID, &g.Name, &g.Type, &g.Description, &attributes, &g.Version, &created, &updated}, extra...)...)
	if err != nil {
		return core.Group{}, err
	}
	g.CreatedAt, g.UpdatedAt = moment(created), moment(updated)
	return g, json.Unmarshal([]byte(attributes), &g.Attributes)
}
