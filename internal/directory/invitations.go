package directory

import (
	"context"
	"net/url"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Invitations keeps the invitations of all pools. How one is accepted is a
// matter of flows.
type Invitations struct {
	store   *store.Store
	pageURL func(core.Pool) string
}

// NewInvitations makes the keeper of a store's invitations. pageURL gives the
// public address of a pool's hosted pages, without a slash at its end.
func NewInvitations(st *store.Store, pageURL func(core.Pool) string) *Invitations {
	return &Invitations{st, pageURL}
}

// NewInvitation is what an application invites somebody with.
type NewInvitation struct {
	Inviter  string // an e-mail address, need not be anybody's
	Email    string
	Callback string // must be registered
	State    string
}

// Invite makes an invitation and sends its mail, in which alone its secret is.
// It is for trusted callers, because the answer tells whether somebody has the
// address: [core.CodeTaken]. For a callback that is not registered it returns
// [core.CodeRedirectRefused], and where the mailbox or the pool has had its
// mails [core.CodeTooMany].
func (i *Invitations) Invite(ctx context.Context, caller core.Caller, p core.Pool, n NewInvitation) (core.Invitation, error) {
	if !caller.Trusted() {
		return core.Invitation{}, core.Fail(core.CodeForbidden, "Only an application's server invites people.")
	}
	invitation, key, err := draftInvitation(p.Settings, n)
	if err != nil {
		return core.Invitation{}, err
	}
	code, message := secret.Random(), core.NewMessageID()
	err = i.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		switch _, err := tx.UserByEmail(key); {
		case err == nil:
			return &core.Error{Code: core.CodeTaken, Detail: "This e-mail address is taken.", Fields: []core.Problem{
				{Code: core.ProblemTaken, Pointer: "/email", Detail: "This e-mail address is taken."},
			}}
		case !core.Is(err, core.CodeNotFound):
			return err
		}
		invitation.CreatedAt = tx.Now()
		invitation.ExpiresAt = tx.Now().Add(time.Duration(p.Settings.InvitationLife))
		if err := tx.PutInvitation(InvitationHash(i.store.Keys(), code), invitation); err != nil {
			return err
		}
		if err := spendMailbox(tx, p.Settings, invitation.Email); err != nil {
			return err
		}
		err := tx.Send(core.Message{
			ID: message, Template: "invitation", To: invitation.Email, ExpiresAt: invitation.ExpiresAt,
			Values: map[string]string{
				"email": invitation.Email, "inviter": invitation.Inviter, "until": invitation.ExpiresAt.Format("2 January 2006, 15:04 UTC"),
				"link": i.pageURL(p) + "/invitation?" + url.Values{"code": {code}}.Encode(),
			},
		})
		if err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventInvitationCreated, Target: string(invitation.ID)})
	})
	return invitation, err
}

// draftInvitation makes an invitation that is not stored yet, with the key of
// its address, or says what is wrong.
func draftInvitation(s core.Settings, n NewInvitation) (core.Invitation, string, error) {
	email, ok := core.ParseEmail(n.Email)
	inviter, also := core.ParseEmail(n.Inviter)
	var problems []core.Problem
	if !ok {
		problems = append(problems, core.Problem{Code: core.ProblemEmail, Pointer: "/email", Detail: "This is not an e-mail address."})
	}
	if !also {
		problems = append(problems, core.Problem{Code: core.ProblemEmail, Pointer: "/inviter", Detail: "This is not an e-mail address."})
	}
	if len(problems) > 0 {
		return core.Invitation{}, "", core.Invalid(problems...)
	}
	callback, ok := s.MatchRedirect(n.Callback)
	if n.Callback == "" {
		callback = s.DefaultRedirect([]core.FlowType{core.FlowSignup})
	}
	if !ok || callback == "" {
		const detail = "This address is not among the pool's registered redirects."
		return core.Invitation{}, "", &core.Error{Code: core.CodeRedirectRefused, Detail: detail, Fields: []core.Problem{
			{Code: core.ProblemUnregistered, Pointer: "/callback", Detail: detail},
		}}
	}
	return core.Invitation{ID: core.NewInvitationID(), Email: email.Text, Inviter: inviter.Text, Callback: callback, State: n.State}, email.Key, nil
}

// List returns a page of the pending invitations, how many match in all, and
// the cursor of the next page ("" on the last).
func (i *Invitations) List(ctx context.Context, caller core.Caller, q core.Query) (all []core.Invitation, total int64, next string, err error) {
	err = i.store.As(caller).View(ctx, func(tx *store.Tx) error {
		all, total, next, err = tx.Invitations(q)
		return err
	})
	return all, total, next, err
}

// Delete takes a pending invitation back. It returns [core.CodeNotFound] where
// there is none.
func (i *Invitations) Delete(ctx context.Context, caller core.Caller, id core.InvitationID) error {
	return i.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteInvitation(id); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventInvitationDeleted, Target: string(id)})
	})
}

// InvitationHash is the keyed hash under which the secret of an invitation's
// mail is found.
func InvitationHash(keys *secret.Keys, code string) []byte { return keys.Lookup("invitation", code) }
