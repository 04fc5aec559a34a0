package flow

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// links makes and recognises the links that flows send by mail. A link is a
// one-time ticket. Opening it proves the mailbox to the flow, in whichever
// browser that happens; the tokens go to where the flow was begun.
type links struct {
	keys    *secret.Keys
	pageURL func(core.Pool) string
}

// linkData is what a link's ticket carries.
type linkData struct {
	Flow  core.FlowID `json:"flow"`
	Email string      `json:"email"` // the key of the address that it was sent to
}

// purposes says which choice a link belongs to.
func purposes() map[core.ChoiceName]core.TicketPurpose {
	return map[core.ChoiceName]core.TicketPurpose{
		core.ChoiceVerifyEmail:   core.TicketVerifyEmail,
		core.ChoiceResetPassword: core.TicketResetPassword,
		core.ChoiceMagicLink:     core.TicketMagicLink,
		core.ChoiceProvisional:   core.TicketProvisional,
	}
}

// prompt is what is shown of a choice's link.
func (l links) prompt(t Turn, choice core.ChoiceName) *Prompt {
	link := t.Facts.Links[choice]
	return &Prompt{Link: &LinkPrompt{Sent: link.Sent, ResendAt: link.ResendAt, State: l.state(t.Flow.ID, choice)}}
}

// state is by what an application recognises a link: the same all through the
// flow, and nobody else's.
func (l links) state(id core.FlowID, choice core.ChoiceName) string {
	return l.keys.Derive("link state "+string(choice), string(id))
}

func (l links) hash(purpose core.TicketPurpose, code string) []byte {
	return l.keys.Lookup("link "+string(purpose), code)
}

// send returns the effect that sends a link in place of any before it. With an
// empty template nothing leaves, and the flow looks the same; so it does when a
// budget is used up. A link that was sent a moment ago is not sent again; that
// is no error.
func (l links) send(choice core.ChoiceName, template string) Effect {
	code, id := secret.Random(), core.NewMessageID()
	purpose := purposes()[choice]
	return func(tx *store.Tx, t *Turn) error {
		link := t.Facts.Links[choice]
		if t.Now.Before(link.ResendAt) {
			return nil
		}
		t.Facts.Links[choice] = core.Link{Sent: true, ResendAt: t.Now.Add(time.Duration(t.Settings.LinkResend))}
		if template == "" {
			return nil
		}
		expires := t.Now.Add(time.Duration(t.Settings.LinkLife))
		if t.Flow.ExpiresAt.Before(expires) {
			expires = t.Flow.ExpiresAt
		}
		to := t.mailbox()
		if may, err := directory.MayMail(tx, t.Settings, to, template); err != nil || !may {
			return err
		}
		message := core.Message{ID: id, Template: template, To: to, ExpiresAt: expires, Values: map[string]string{
			"email": to, "minutes": strconv.Itoa(int(expires.Sub(t.Now).Round(time.Minute).Minutes())),
			"link": l.signIn(*t),
		}}
		if template != mailAccountExists {
			data, err := json.Marshal(linkData{t.Flow.ID, t.mailKey()})
			if err != nil {
				return err
			}
			subject := l.subject(*t)
			if err := tx.VoidTickets(purpose, subject); err != nil {
				return err
			}
			if err := tx.PutTicket(l.hash(purpose, code), core.Ticket{Purpose: purpose, Subject: subject, Data: string(data), ExpiresAt: expires}); err != nil {
				return err
			}
			message.Values["link"] = l.pageURL(t.Pool) + "/link?" + url.Values{"for": {string(choice)}, "code": {code}}.Encode()
		}
		return tx.Send(message)
	}
}

// subject is whose links these are: a newer one, or a new password, ends them.
func (l links) subject(t Turn) string {
	if t.User != nil {
		return string(t.User.ID)
	}
	return string(t.Flow.ID)
}

// answer checks a link that came back through the application. Without a code
// it only looks, and sends the link if it never was.
func (l links) answer(ctx context.Context, t Turn, a Answer, choice core.ChoiceName, begin func(context.Context, Turn, Answer) (Effect, error), proved Effect) (Effect, error) {
	if a.Code == "" && a.State == "" {
		if t.Facts.Links[choice].Sent {
			return nothing()
		}
		return begin(ctx, t, a)
	}
	if a.State != l.state(t.Flow.ID, choice) || !secret.IsText(a.Code) {
		return nil, invalidLink()
	}
	purpose := purposes()[choice]
	return func(tx *store.Tx, t *Turn) error {
		ticket, err := tx.UseTicket(purpose, l.hash(purpose, a.Code))
		if core.Is(err, core.CodeTicketInvalid) {
			return l.opened(tx, *t, a, purpose)
		}
		if err != nil {
			return err
		}
		if ours, err := l.belongs(ticket, *t); err != nil || !ours {
			return errors.Join(err, invalidLink())
		}
		return proved(tx, t)
	}, nil
}

// opened accepts a link that was opened for this flow before: the page behind
// the link opens it, and then the application brings it too.
func (l links) opened(tx *store.Tx, t Turn, a Answer, purpose core.TicketPurpose) error {
	ticket, err := tx.Ticket(purpose, l.hash(purpose, a.Code))
	if err != nil {
		return err
	}
	ours, err := l.belongs(ticket, t)
	if err == nil && (!ours || ticket.UsedAt.IsZero() || !t.mailboxProved()) {
		err = invalidLink()
	}
	return err
}

// belongs reports whether a ticket was made by this flow, for the address that
// it is about now.
func (l links) belongs(ticket core.Ticket, t Turn) (bool, error) {
	var data linkData
	err := json.Unmarshal([]byte(ticket.Data), &data)
	return data.Flow == t.Flow.ID && data.Email == t.mailKey(), err
}

// late reports whether an answer comes after the phase that had asked for it: it
// brings a link that was opened already, or looks whether the link was opened.
func (m *Machine) late(ctx context.Context, t Turn, a Answer) bool {
	if _, ok := purposes()[a.Choice]; ok && a.State == "" && a.Code == "" {
		return t.Facts.Links[a.Choice].Sent && t.mailboxProved() && t.sameAddress(a) == nil
	}
	return m.linkOpened(ctx, t, a)
}

// linkOpened reports whether an answer brings a link that was opened for this
// flow already, and so comes after the phase that had asked for it.
func (m *Machine) linkOpened(ctx context.Context, t Turn, a Answer) bool {
	purpose, ok := purposes()[a.Choice]
	if !ok || a.State != m.links.state(t.Flow.ID, a.Choice) || !secret.IsText(a.Code) {
		return false
	}
	err := m.store.As(t.Caller).View(ctx, func(tx *store.Tx) error { return m.links.opened(tx, t, a, purpose) })
	return err == nil
}

func invalidLink() error {
	return core.Fail(core.CodeTicketInvalid, "This code or link is unknown, was used, or is past its time.")
}
