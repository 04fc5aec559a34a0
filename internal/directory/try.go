package directory

import (
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Try is one comparison of a password or a code, as it is counted: with the person,
// whatever door and spelling it came by, and with the client's network,
// whosever account it is. A device that the person signed in from before is
// counted apart from both, so that nobody else can use up its tries.
type Try struct {
	settings core.Settings
	person   Person
	subject  string
	network  string // empty: not counted
	ordinary bool   // the device is not known
	notice   core.MessageID
	charged  time.Time // when it was
	failures int       // with this one
}

func (p *Passwords) try(caller core.Caller, settings core.Settings, who Person) *Try {
	t := &Try{settings: settings, person: who, network: caller.Network, ordinary: true, notice: core.NewMessageID()}
	device, known := p.knownDevice(caller, who)
	switch {
	case known:
		t.subject, t.network, t.ordinary = "device:"+hex.EncodeToString(p.store.Keys().Lookup("device", device)), "", false
	case who.User != "":
		t.subject = string(who.User)
	default:
		t.subject = "claim:" + hex.EncodeToString(p.store.Keys().Lookup("claimed identifier", who.Claim))
	}
	return t
}

// charge takes the try from both budgets before anything is compared. Of a
// lockout it tells apart from the error, because what the network spent on it,
// and the event, must stay.
func (t *Try) charge(tx *store.Tx) (locked, err error) {
	t.charged = tx.Now()
	if t.network != "" {
		if err := tx.Spend(core.BudgetTries, t.network, t.settings); err != nil {
			return nil, err
		}
	}
	t.failures, err = tx.Charge(t.subject, t.settings.Lockout())
	if !core.Is(err, core.CodeLocked) {
		return nil, err
	}
	locked = err
	first, err := tx.TellLocked(t.subject)
	if err == nil && first {
		err = t.refused(tx, core.CodeLocked)
	}
	return locked, err
}

// failed records a try that was wrong. The last that the pool allows is told to
// the person, once: whoever is there gets a mail.
func (t *Try) failed(tx *store.Tx, reason core.Code) error {
	if reason == core.CodeWrongCredentials {
		if err := t.refused(tx, reason); err != nil {
			return err
		}
	}
	if t.failures < t.settings.LockoutMost || t.person.User == "" || !t.ordinary {
		return nil
	}
	user, err := tx.User(t.person.User)
	if core.Is(err, core.CodeNotFound) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	if err := tx.Send(core.Message{ID: t.notice, Template: "password_locked", To: user.Email, Values: map[string]string{"email": user.Email}}); err != nil {
		return err
	}
	return tx.Record(core.Event{Name: core.EventUserLocked, Target: string(user.ID), Reason: string(core.CodeLocked)})
}

// Settle forgets the tries before one that was right. The network gets this one
// back and no other: who owns one account must not have more tries at the rest.
func (t *Try) Settle(tx *store.Tx) error {
	if t.network != "" {
		if err := tx.Refund(core.BudgetTries, t.network, t.charged); err != nil {
			return err
		}
	}
	return tx.Forgive(t.subject)
}

func (t *Try) refused(tx *store.Tx, reason core.Code) error {
	return tx.Record(core.Event{Name: core.EventPasswordRefused, Target: string(t.person.User), Reason: string(reason)})
}

// Device makes what a browser keeps to be known by when this person signs in
// from it again. It holds nothing of the person, works for them in this pool
// alone, and not after their credentials have changed.
func (p *Passwords) Device(pool core.PoolID, user core.User) string {
	id := secret.Random()
	return id + p.deviceProof(pool, user.ID, user.Credentials, id)
}

// knownDevice returns the id of the caller's device, if this person signed in
// from it before.
func (p *Passwords) knownDevice(caller core.Caller, who Person) (id string, known bool) {
	const length = 32
	if who.User == "" || len(caller.Device) <= length {
		return "", false
	}
	id = caller.Device[:length]
	proof := p.deviceProof(caller.Pool, who.User, who.Credentials, id)
	return id, subtle.ConstantTimeCompare([]byte(proof), []byte(caller.Device[length:])) == 1
}

func (p *Passwords) deviceProof(pool core.PoolID, user core.UserID, credentials int64, id string) string {
	return p.store.Keys().Derive("device", strings.Join([]string{string(pool), string(user), strconv.FormatInt(credentials, 10), id}, " "))
}
