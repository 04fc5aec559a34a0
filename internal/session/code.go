package session

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// PutCode stores a login code for a person: what a hosted sign-in gives to the
// application, through the browser, to fetch the tokens with.
func (s *Sessions) PutCode(tx *store.Tx, code string, flow core.FlowID, user core.User, settings core.Settings) error {
	data, err := json.Marshal(codeData{user.ID, user.Credentials, tx.Caller().Address})
	if err != nil {
		return err
	}
	return tx.PutTicket(s.codeHash(code), core.Ticket{
		Purpose: core.TicketLogin, Subject: string(flow), Data: string(data), ExpiresAt: tx.Now().Add(time.Duration(settings.LoginCodeLife)),
	})
}

// codeData is what a login code's ticket carries.
type codeData struct {
	User        core.UserID `json:"user"`
	Credentials int64       `json:"credentials"`       // as they were when the code was given
	Address     string      `json:"address,omitempty"` // from where the person came, while an application's server fetches the tokens
}

// ExchangeCode starts the session that a login code stands for. The code works
// once; flow, if it is given, must be the one that the code came from. It
// returns [core.CodeTicketInvalid] for any other code. A code that comes again
// later than [codeGrace], as long as it would live, is in two hands: what the
// first one began ends (RFC 6749 section 4.1.2).
func (s *Sessions) ExchangeCode(ctx context.Context, caller core.Caller, settings core.Settings, code string, flow core.FlowID) (core.Grant, error) {
	invalid := core.Fail(core.CodeTicketInvalid, "This code is unknown, was used, or is past its time.")
	if !secret.IsText(code) {
		return core.Grant{}, invalid
	}
	pending, err := s.Prepare(ctx, caller, settings)
	if err != nil {
		return core.Grant{}, err
	}
	// The session has the same id each time, so that it is found by the code.
	pending.session = core.SessionID("ses_" + s.store.Keys().Derive("session of a login code", code))
	var grant core.Grant
	var refused error
	err = s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		grant, refused = core.Grant{}, nil
		ticket, err := tx.UseTicket(core.TicketLogin, s.codeHash(code))
		if core.Is(err, core.CodeTicketInvalid) {
			refused = err
			return s.codeAgain(tx, code, pending.session)
		}
		if err != nil {
			return err
		}
		if flow != "" && ticket.Subject != string(flow) {
			return invalid
		}
		var data codeData
		if err := json.Unmarshal([]byte(ticket.Data), &data); err != nil {
			return err
		}
		user, err := tx.User(data.User)
		if core.Is(err, core.CodeNotFound) || (err == nil && user.Credentials != data.Credentials) {
			return invalid
		}
		if err != nil {
			return err
		}
		pending.address = data.Address
		grant, err = pending.Start(tx, user, settings)
		return err
	})
	if err == nil {
		err = refused
	}
	return grant, err
}

// codeGrace is for how long a code that comes again is only refused: pages that
// are loaded twice exchange theirs twice, within moments.
const codeGrace = 10 * time.Second

// codeAgain ends the session that a code began, if it was used before.
func (s *Sessions) codeAgain(tx *store.Tx, code string, session core.SessionID) error {
	ticket, err := tx.Ticket(core.TicketLogin, s.codeHash(code))
	if core.Is(err, core.CodeTicketInvalid) {
		return nil // it never was one, or is past its time
	}
	if err != nil || tx.Now().Sub(ticket.UsedAt) < codeGrace {
		return err
	}
	ended, err := tx.EndSession(session)
	if err != nil || !ended {
		return err
	}
	return tx.Record(core.Event{Name: core.EventSignedOut, Reason: reasonCodeReused, Data: map[string]string{"session": string(session)}})
}

func (s *Sessions) codeHash(code string) []byte { return s.store.Keys().Lookup("login code", code) }
