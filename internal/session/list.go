package session

import (
	"context"
	"strconv"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Reasons for the end of a session, as events tell them.
const (
	reasonLogout      = "logout"      // the person asked for it
	reasonCodeReused  = "code_reused" // the login code that began it came a second time
	reasonInvalidated = "invalidated" // somebody else did, or the person in another session
)

// List returns a page of the pool's living sessions, how many match in all,
// and the cursor of the next page ("" on the last).
func (s *Sessions) List(ctx context.Context, caller core.Caller, q core.Query) (sessions []core.LiveSession, total int64, next string, err error) {
	err = s.store.As(caller).View(ctx, func(tx *store.Tx) error {
		sessions, total, next, err = tx.Sessions(q)
		return err
	})
	return sessions, total, next, err
}

// ListOwn is List for the person whom a token stands for: it returns theirs
// and nobody else's. A token that is not good is refused as Check does.
func (s *Sessions) ListOwn(ctx context.Context, caller core.Caller, token string, q core.Query) ([]core.LiveSession, string, error) {
	t, err := s.Check(ctx, caller, token)
	if err != nil {
		return nil, "", err
	}
	caller.Actor = core.Actor{Kind: core.ActorPerson, ID: string(t.User.ID)}
	mine := core.Condition{Field: "user", Op: core.OpEquals, Values: []any{string(t.User.ID)}}
	q.Conditions = append([]core.Condition{mine}, q.Conditions...)
	sessions, _, next, err := s.List(ctx, caller, q)
	return sessions, next, err
}

// End ends a session. byPerson says that the application does so for its
// person. It returns [core.CodeNotFound] for a session that does not live.
func (s *Sessions) End(ctx context.Context, caller core.Caller, id core.SessionID, byPerson bool) error {
	reason := reasonInvalidated
	if byPerson {
		reason = reasonLogout
	}
	return s.end(ctx, caller, id, "", reason)
}

// EndOwn ends a session of the person whom a token stands for; it may be the
// token's own. For anybody else's it returns [core.CodeNotFound], as for one
// that does not live. A token that is not good is refused as Check does.
func (s *Sessions) EndOwn(ctx context.Context, caller core.Caller, token string, id core.SessionID) error {
	t, err := s.Check(ctx, caller, token)
	if err != nil {
		return err
	}
	caller.Actor = core.Actor{Kind: core.ActorPerson, ID: string(t.User.ID)}
	return s.end(ctx, caller, id, t.User.ID, reasonInvalidated)
}

// end ends a session, which must be owner's if that is given.
func (s *Sessions) end(ctx context.Context, caller core.Caller, id core.SessionID, owner core.UserID, reason string) error {
	unknown := core.Fail(core.CodeNotFound, "There is no such session.")
	return s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		session, _, err := tx.LiveSession(id)
		if core.Is(err, core.CodeTokenInvalid) {
			return unknown
		}
		if err != nil {
			return err
		}
		if owner != "" && session.User != owner {
			return unknown
		}
		ended, err := tx.EndSession(id)
		if err != nil {
			return err
		}
		if !ended {
			return unknown // another request was faster
		}
		return tx.Record(core.Event{Name: core.EventSignedOut, Target: string(session.User), Reason: reason, Data: map[string]string{"session": string(id)}})
	})
}

// EndAll ends all sessions of a person. For somebody who has none, or is not
// there, it does nothing.
func (s *Sessions) EndAll(ctx context.Context, caller core.Caller, user core.UserID) error {
	return s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		n, err := tx.EndSessionsOf(user, "")
		if err != nil || n == 0 {
			return err
		}
		return tx.Record(core.Event{Name: core.EventSignedOut, Target: string(user), Reason: reasonInvalidated, Data: map[string]string{"sessions": strconv.FormatInt(n, 10)}})
	})
}
