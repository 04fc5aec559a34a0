package store

import (
	"encoding/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// PutRiskDecision keeps what the rules about where somebody comes from said. In
// a flood of refusals those are counted instead: see flood.go.
func (tx *Tx) PutRiskDecision(d core.RiskDecision) error {
	if d.Outcome.Refused() && tx.store.flood.over(tx.pool, tx.now) {
		return nil // the refusal itself is counted
	}
	findings, err := json.Marshal(d.Findings)
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		INSERT INTO risk_decisions (pool, request_id, id, flow, user_id, type, outcome, rule, address, findings, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		string(d.Request), string(d.ID), string(d.Flow), string(d.User), string(d.Type), string(d.Outcome), string(d.Rule), d.Address, string(findings),
		micros(tx.now), micros(d.ExpiresAt))
	return err
}

// RiskDecisions returns what the rules said in a request, oldest first, unless
// it is past its time.
func (tx *Tx) RiskDecisions(request core.RequestID) ([]core.RiskDecision, error) {
	var all []core.RiskDecision
	err := tx.rows(func(row scanner) error {
		d := core.RiskDecision{Request: request}
		var findings string
		var created, expires int64
		if err := row.Scan(&d.ID, &d.Flow, &d.User, &d.Type, &d.Outcome, &d.Rule, &d.Address, &findings, &created, &expires); err != nil {
			return err
		}
		d.CreatedAt, d.ExpiresAt = moment(created), moment(expires)
		all = append(all, d)
		return json.Unmarshal([]byte(findings), &all[len(all)-1].Findings)
	}, `SELECT id, flow, user_id, type, outcome, rule, address, findings, created_at, expires_at FROM risk_decisions
		WHERE pool = $1 AND request_id = $2 AND (expires_at = 0 OR expires_at > $3) ORDER BY created_at, id`, string(request), micros(tx.now))
	return all, err
}

// PutSighting remembers that a person signs in from a place now.
func (tx *Tx) PutSighting(s core.Sighting) error {
	place, err := json.Marshal(s.Place)
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		INSERT INTO sightings (pool, user_id, country, place, address, seen_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (pool, user_id, country) DO UPDATE SET place = excluded.place, address = excluded.address, seen_at = excluded.seen_at`,
		string(s.User), s.Place.Country, string(place), s.Address, micros(tx.now))
	return err
}

// Sightings returns from where a person has signed in, one for each country,
// the last one first. After [core.SightingLife] they are forgotten.
func (tx *Tx) Sightings(user core.UserID) ([]core.Sighting, error) {
	var all []core.Sighting
	err := tx.rows(func(row scanner) error {
		s := core.Sighting{User: user}
		var place string
		var seen int64
		if err := row.Scan(&place, &s.Address, &seen); err != nil {
			return err
		}
		s.At = moment(seen)
		all = append(all, s)
		return json.Unmarshal([]byte(place), &all[len(all)-1].Place)
	}, `SELECT place, address, seen_at FROM sightings WHERE pool = $1 AND user_id = $2 AND seen_at > $3 ORDER BY seen_at DESC, country`,
		string(user), micros(tx.now.Add(-core.SightingLife)))
	return all, err
}
