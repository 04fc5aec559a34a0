package storetest_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// same states that what was read is what was written.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("law: what is stored comes back as it was; of %s came\n%+v\nin place of\n%+v", what, got, want)
	}
}

func TestEveryNounComesBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		var begun time.Time
		view(t, f.bound, func(tx *store.Tx) error {
			pool, err := tx.Pool()
			same(t, "the pool's error", err, nil)
			same(t, "the pool", []any{pool.ID, pool.Name, pool.Settings.DisplayName, pool.Version}, []any{f.pool.ID, f.pool.Name, "Demo", int64(1)})
			begun = pool.CreatedAt

			user, err := tx.User(f.user.ID)
			same(t, "the user's error", err, nil)
			same(t, "the user", user, f.user)
			user, err = tx.UserByEmail("ana.é@example.org")
			same(t, "the user by e-mail", []any{user, err}, []any{f.user, nil})
			user, err = tx.UserByUsername(core.Fold(f.user.Username))
			same(t, "the user by username", []any{user, err}, []any{f.user, nil})

			phc, err := tx.PasswordOf(f.user.ID)
			same(t, "the password", []any{phc, err}, []any{f.password.Secret, nil})
			all, err := tx.Authenticators(f.user.ID)
			f.password.CreatedAt, f.password.UpdatedAt, f.passkey.CreatedAt, f.passkey.UpdatedAt = begun, begun, begun, begun
			f.identity.CreatedAt, f.identity.UpdatedAt = begun, begun
			slices.SortFunc(all, func(a, b core.Authenticator) int { return cmp.Compare(a.Kind, b.Kind) })
			same(t, "the authenticators", []any{all, err}, []any{[]core.Authenticator{f.passkey, f.password, f.identity}, nil})
			passkey, err := tx.AuthenticatorByHandle(f.passkey.Kind, f.passkey.Handle)
			same(t, "the authenticator by its handle", []any{passkey, err}, []any{f.passkey, nil})

			identity, err := tx.AuthenticatorByHandle(f.identity.Kind, f.identity.Handle)
			same(t, "the identity by its handle", []any{identity, err}, []any{f.identity, nil})
			_, err = tx.AuthenticatorByHandle(core.AuthenticatorSAML, f.identity.Handle)
			same(t, "the identity as one of another kind", core.CodeOf(err), core.CodeNotFound)

			codes, err := tx.RecoveryCodes(f.user.ID)
			same(t, "the recovery codes", []any{codes, err}, []any{[][]byte{f.hash}, nil})

			flow, err := tx.Flow(f.flow.ID)
			f.flow.CreatedAt = begun
			same(t, "the flow", []any{flow, err}, []any{f.flow, nil})

			ticket, err := tx.Ticket(f.ticket.Purpose, f.hash)
			f.ticket.CreatedAt = begun
			same(t, "the ticket", []any{ticket, err}, []any{f.ticket, nil})

			active, err := tx.ActiveAgreements()
			same(t, "the active agreements", []any{active, err}, []any{[]core.Agreement{f.terms}, nil})
			terms, n, next, err := tx.Agreements(core.Query{Size: 10})
			same(t, "the agreements", []any{terms, n, next, err}, []any{[]core.Agreement{f.terms}, int64(1), "", nil})

			group, err := tx.Group(f.group.ID)
			same(t, "the group", []any{group, err}, []any{f.group, nil})
			groups, n, next, err := tx.Memberships(f.user.ID, core.Query{Size: 10})
			same(t, "the groups of the user", []any{groups, n, next, err}, []any{[]core.Group{f.group}, int64(1), "", nil})
			users, n, next, err := tx.Members(f.group.ID, core.Query{Size: 10})
			same(t, "the users of the group", []any{users, n, next, err}, []any{[]core.User{f.user}, int64(1), "", nil})
			of, err := tx.GroupsOf([]core.UserID{f.user.ID}, 1)
			same(t, "the groups beside the user", []any{of, err}, []any{map[core.UserID][]core.GroupID{f.user.ID: {f.group.ID}}, nil})

			source, err := tx.ImportSource(f.source.ID)
			same(t, "the uploaded file", []any{source, err}, []any{f.source, nil})
			chunk, err := tx.ImportChunk(f.source.ID, 0)
			same(t, "a piece of it", []any{string(chunk), err}, []any{plainChunk, nil})
			imported, err := tx.Import(f.imported.ID)
			f.imported.CreatedAt, f.imported.UpdatedAt = begun, begun
			same(t, "the import", []any{imported, err}, []any{f.imported, nil})
			details, err := tx.ImportDetails(f.imported.ID, core.OutcomeSkipped)
			same(t, "its details", []any{details, err}, []any{[]core.ImportDetail{{Outcome: core.OutcomeSkipped, Row: 3, User: f.user.ID, Reason: "Row 3: ü.", At: begun}}, nil})

			invite, err := tx.Invitation(f.invite.ID)
			f.invite.CreatedAt = begun
			same(t, "the invitation", []any{invite, err}, []any{f.invite, nil})
			invite, err = tx.InvitationByHash(f.hash)
			same(t, "the invitation by its hash", []any{invite, err}, []any{f.invite, nil})

			session, user, err := tx.LiveSession(f.session.ID)
			same(t, "the session", []any{session, user, err}, []any{f.session, f.user, nil})
			refresh, err := tx.RefreshToken(f.hash)
			same(t, "the refresh token", []any{refresh, err}, []any{f.refresh, nil})
			access, err := tx.AccessToken(f.hash)
			f.access.User = f.user
			same(t, "the access token", []any{access, err}, []any{f.access, nil})

			f.access.Scopes = f.session.Scopes // in lists, what the session is good for
			listed, total, next, err := tx.Sessions(core.Query{Size: 10})
			same(t, "the list of sessions", []any{listed, total, next, err}, []any{[]core.LiveSession{{Session: f.session, Token: f.access}}, int64(1), "", nil})

			keys, err := tx.Keys()
			same(t, "the keys", []any{keys, err}, []any{[]core.Key{f.key}, nil})
			plain, err := tx.ShowKey(f.key.Kind)
			same(t, "the key's text", []any{plain.Reveal(), err}, []any{plainKey, nil})
			apps, err := tx.Applications()
			same(t, "the applications", []any{apps, err}, []any{[]core.Application{f.app}, nil})
			app, err := tx.Application(f.app.ID)
			same(t, "the application", []any{app, err}, []any{f.app, nil})
			given, err := tx.ApplicationSecret(f.hash)
			same(t, "the application's secret", []any{given, err}, []any{f.given, nil})
			secrets, err := tx.ApplicationSecrets(f.app.ID)
			same(t, "the application's secrets", []any{secrets, err}, []any{[]core.ApplicationSecret{f.given}, nil})
			own, err := tx.ClientToken(f.hash)
			same(t, "the application's own token", []any{own, err}, []any{f.client, nil})
			consents, err := tx.Consents(f.user.ID, f.app.ID)
			same(t, "what the person lets it have", []any{consents, err}, []any{[]string{"email", "openid"}, nil})
			pairs, err := tx.PoolSecrets()
			f.secret.CreatedAt = begun
			same(t, "the pool's secrets", []any{pairs, err}, []any{[]store.PoolSecret{f.secret}, nil})
			signing, err := tx.SigningKeys()
			same(t, "the signing keys", []any{signing, err}, []any{[]store.SigningKey{f.signing}, nil})
			note, err := tx.Note("face", f.note)
			same(t, "the note", []any{note, err}, []any{"data", nil})

			events, err := tx.Events(10)
			same(t, "the events' error", err, nil)
			if len(events) != 2 || events[0].Name != core.EventUserCreated || events[1].Name != core.EventMailQueued {
				t.Fatalf("law: events come newest first; got %+v", events)
			}
			caller := tx.Caller()
			same(t, "an event", events[0], store.Recorded{
				Event: core.Event{Name: core.EventUserCreated, Target: string(f.user.ID), Reason: "r", Data: map[string]string{"k": "v"}},
				Seq:   events[0].Seq, Actor: caller.Actor, Address: caller.Address, Request: caller.Request, At: begun, Place: 2, Link: events[0].Link,
			})
			newest, err := tx.Events(1)
			same(t, "the newest event", []any{newest, err}, []any{events[:1], nil})
			return nil
		})

		ctx := context.Background()
		at, app, err := s.Across().Application(ctx, f.app.ID)
		same(t, "the application across pools", []any{at, app, err}, []any{f.pool.ID, f.app, nil})
		key, err := s.Across().Key(ctx, f.hash)
		same(t, "a key across pools", []any{key, err}, []any{f.key, nil})
		for what, ask := range map[string]func() (core.Pool, error){
			"id":   func() (core.Pool, error) { return s.Across().Pool(ctx, f.pool.ID) },
			"name": func() (core.Pool, error) { return s.Across().PoolNamed(ctx, f.pool.Name) },
			"host": func() (core.Pool, error) { return s.Across().PoolAt(ctx, f.pool.Hosts[1]) },
		} {
			pool, err := ask()
			same(t, "a pool by its "+what, []any{pool.ID, pool.Hosts, err}, []any{f.pool.ID, f.pool.Hosts, nil})
		}
		claimed, err := s.Across().ClaimMessages(ctx, core.ChannelMail, 10, time.Minute)
		if err != nil || len(claimed) != 1 {
			t.Fatalf("law: a message in line is claimed; got %d, %v", len(claimed), err)
		}
		same(t, "a message", []any{claimed[0].Message, claimed[0].Pool, claimed[0].Attempts}, []any{f.message, f.pool.ID, 1})
	})
}

func TestChangesComeBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		later := soon(2 * time.Hour)
		changed := f.user
		changed.Phone, changed.Profile, changed.EmailVerified, changed.Disabled, changed.AcceptedTerms, changed.AcceptedPrivacy = "+1", core.Profile{"new": "one"}, false, false, "t2", "p2"
		flow := f.flow
		flow.Facts = core.Facts{State: "next"}
		password := core.Authenticator{ID: core.NewAuthenticatorID(), User: f.user.ID, Secret: "second"}
		update(t, f.bound, func(tx *store.Tx) error {
			for _, err := range []error{
				tx.UpdateUser(changed), tx.UpdateFlow(flow), tx.PutPassword(password), tx.ExtendSession(f.session.ID, later), tx.CountLogin(f.user.ID, 0, "192.0.2.9"),
				tx.UpdateSettings(core.Overrides{"display_name": []byte(`"New"`)}, 1), tx.RevokeKey(f.key.ID), tx.PutNote("face", f.note, "more", later), tx.Forgive(f.subject),
				tx.ShortenAccess(f.session.ID, f.session.CreatedAt.Add(time.Minute)),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		})
		view(t, f.bound, func(tx *store.Tx) error {
			user, err := tx.User(f.user.ID)
			same(t, "a changed user", []any{user.Phone, user.Profile, user.EmailVerified, user.AcceptedTerms, user.AcceptedPrivacy, user.Version, user.LoginCount, user.LastLoginAddress, err},
				[]any{"+1", changed.Profile, false, "t2", "p2", int64(2), f.user.LoginCount + 1, "192.0.2.9", nil})
			if !user.UpdatedAt.After(f.user.UpdatedAt) || !user.LastLoginAt.After(f.user.LastLoginAt) {
				t.Errorf("law: a change carries its time; got %v and %v", user.UpdatedAt, user.LastLoginAt)
			}
			got, err := tx.Flow(f.flow.ID)
			same(t, "a changed flow", []any{got.Facts, got.Version, err}, []any{flow.Facts, int64(2), nil})
			all, err := passwordsOf(tx, f.user.ID)
			if err != nil || len(all) != 1 || all[0].Secret != "second" {
				t.Errorf("law: a password takes the place of the one before; got %+v, %v", all, err)
			}
			session, _, err := tx.LiveSession(f.session.ID)
			same(t, "an extended session", []any{session.ExpiresAt, err}, []any{later, nil})
			access, err := tx.AccessToken(f.hash)
			same(t, "a shortened token", []any{access.ExpiresAt, err}, []any{f.session.CreatedAt.Add(time.Minute), nil})
			pool, err := tx.Pool()
			same(t, "changed settings", []any{pool.Settings.DisplayName, pool.Version, err}, []any{"New", int64(2), nil})
			keys, err := tx.Keys()
			if err != nil || keys[0].RevokedAt.IsZero() || keys[0].Alive(tx.Now()) {
				t.Errorf("law: a revoked key is dead; got %+v, %v", keys, err)
			}
			note, err := tx.Note("face", f.note)
			same(t, "a changed note", []any{note, err}, []any{"more", nil})
			until, err := tx.BlockedUntil(f.subject)
			same(t, "a forgiven subject", []any{until, err}, []any{time.Time{}, nil})
			return nil
		})
		// A shorter life never lengthens one, and the reverse.
		update(t, f.bound, func(tx *store.Tx) error {
			if err := tx.ExtendSession(f.session.ID, soon(time.Minute)); err != nil {
				return err
			}
			return tx.ShortenAccess(f.session.ID, later)
		})
		view(t, f.bound, func(tx *store.Tx) error {
			session, _, err := tx.LiveSession(f.session.ID)
			same(t, "a session extended to an earlier time", []any{session.ExpiresAt, err}, []any{later, nil})
			access, err := tx.AccessToken(f.hash)
			same(t, "a token shortened to a later time", []any{access.ExpiresAt, err}, []any{f.session.CreatedAt.Add(time.Minute), nil})
			return nil
		})
	})
}

// TestWhatIsOverIsGone holds that ends are ends, whatever the row says.
func TestWhatIsOverIsGone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		past := soon(-time.Second)
		f := fill(t, s)
		late := []byte("late")
		id := core.NewFlowID()
		orphan := core.Session{ID: core.NewSessionID(), User: core.NewUserID(), CreatedAt: past, ExpiresAt: soon(time.Hour)}
		update(t, f.bound, func(tx *store.Tx) error {
			for _, err := range []error{
				tx.PutFlow(core.Flow{ID: id, ExpiresAt: past}), tx.PutTicket(late, core.Ticket{Purpose: core.TicketLogin, ExpiresAt: past}),
				tx.PutNote("face", "late", "x", past), tx.PutSession(core.Session{ID: "ses_late", User: f.user.ID, ExpiresAt: past}), tx.PutRefresh(late, store.Refresh{Session: f.session.ID, ExpiresAt: past}),
				tx.PutSession(orphan), tx.PutAccess([]byte("orphan"), core.AccessToken{ID: core.NewTokenID(), Session: orphan.ID, CreatedAt: past, ExpiresAt: soon(time.Hour)}),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		})
		refused := func(law string, code core.Code, try func(tx *store.Tx) error) {
			t.Helper()
			if err := f.bound.Update(context.Background(), try); !core.Is(err, code) {
				t.Errorf("law: %s; got %v in place of %s", law, err, code)
			}
		}
		refused("a flow past its time has ended", core.CodeFlowEnded, func(tx *store.Tx) error { _, err := tx.Flow(id); return err })
		refused("a flow past its time cannot change", core.CodeConflict, func(tx *store.Tx) error { return tx.UpdateFlow(core.Flow{ID: id, Version: 1}) })
		refused("a flow past its time cannot complete", core.CodeConflict, func(tx *store.Tx) error { return tx.CompleteFlow(core.Flow{ID: id, Version: 1}) })
		refused("a ticket past its time is not used", core.CodeTicketInvalid, func(tx *store.Tx) error { _, err := tx.UseTicket(core.TicketLogin, late); return err })
		refused("a ticket past its time is not read", core.CodeTicketInvalid, func(tx *store.Tx) error { _, err := tx.Ticket(core.TicketLogin, late); return err })
		refused("a ticket of another purpose is unknown", core.CodeTicketInvalid, func(tx *store.Tx) error { _, err := tx.UseTicket(core.TicketVerifyEmail, f.hash); return err })
		refused("a note past its time is gone", core.CodeNotFound, func(tx *store.Tx) error { _, err := tx.Note("face", "late"); return err })
		refused("a session past its time does not live", core.CodeTokenInvalid, func(tx *store.Tx) error { _, _, err := tx.LiveSession("ses_late"); return err })
		refused("a session without its person does not live", core.CodeTokenInvalid, func(tx *store.Tx) error { _, _, err := tx.LiveSession(orphan.ID); return err })
		refused("a token without its person stands for nobody", core.CodeTokenInvalid, func(tx *store.Tx) error { _, err := tx.AccessToken([]byte("orphan")); return err })
		refused("a completed flow has ended", core.CodeFlowEnded, func(tx *store.Tx) error {
			if err := tx.CompleteFlow(f.flow); err != nil {
				return err
			}
			_, err := tx.Flow(f.flow.ID)
			return err
		})
		update(t, f.bound, func(tx *store.Tx) error {
			if _, spent, err := tx.SpendRefresh(late); spent || err != nil {
				t.Errorf("law: a refresh token past its time is not spent; got %t, %v", spent, err)
			}
			if _, err := tx.UseTicket(core.TicketLogin, f.hash); err != nil {
				return err
			}
			if ticket, err := tx.Ticket(core.TicketLogin, f.hash); err != nil || ticket.UsedAt.IsZero() {
				t.Errorf("law: a used ticket is still read, and says so; got %+v, %v", ticket, err)
			}
			ended, err := tx.EndSession(f.session.ID)
			if err != nil || !ended {
				t.Errorf("law: the end of a session says that it lived; got %t, %v", ended, err)
			}
			if ended, err = tx.EndSession(f.session.ID); err != nil || ended {
				t.Errorf("law: a session ends once; got %t, %v", ended, err)
			}
			return nil
		})
		refused("an ended session does not live", core.CodeTokenInvalid, func(tx *store.Tx) error { _, _, err := tx.LiveSession(f.session.ID); return err })
		refused("a token of an ended session stands for nobody", core.CodeTokenInvalid, func(tx *store.Tx) error { _, err := tx.AccessToken(f.hash); return err })
	})
}

func TestTakenAndNotFoundAreCodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		nobody := core.NewUserID()
		twin, namesake := person("x"), person("y")
		twin.Email, twin.Username = "ANA.E\u0301@Example.org", "other"
		namesake.Username = "ANA" + f.user.Username[3:]
		for law, c := range map[string]struct {
			code core.Code
			try  func(tx *store.Tx) error
		}{
			"an e-mail address is somebody's already":  {core.CodeTaken, func(tx *store.Tx) error { return tx.CreateUser(twin) }},
			"a username is somebody's already":         {core.CodeTaken, func(tx *store.Tx) error { return tx.CreateUser(namesake) }},
			"a key exists already":                     {core.CodeTaken, func(tx *store.Tx) error { return tx.PutKey(f.key, f.hash, "") }},
			"a pool exists already":                    {core.CodeTaken, func(tx *store.Tx) error { return tx.CreatePool(f.pool) }},
			"a secret of a pool exists already":        {core.CodeTaken, func(tx *store.Tx) error { return tx.PutPoolSecret(f.secret) }},
			"an application exists already":            {core.CodeTaken, func(tx *store.Tx) error { return tx.PutApplication(f.app, []byte("other")) }},
			"an unknown user by id":                    {core.CodeNotFound, func(tx *store.Tx) error { _, err := tx.User(nobody); return err }},
			"an unknown user by e-mail":                {core.CodeNotFound, func(tx *store.Tx) error { _, err := tx.UserByEmail("no@example.org"); return err }},
			"an unknown user by username":              {core.CodeNotFound, func(tx *store.Tx) error { _, err := tx.UserByUsername("no"); return err }},
			"an unknown user cannot be deleted":        {core.CodeNotFound, func(tx *store.Tx) error { return tx.DeleteUser(nobody) }},
			"an unknown user cannot sign in":           {core.CodeDisabled, func(tx *store.Tx) error { return tx.CountLogin(nobody, 0, "") }},
			"an unknown key cannot be revoked":         {core.CodeNotFound, func(tx *store.Tx) error { return tx.RevokeKey(core.NewKeyID()) }},
			"a key of another kind is not shown":       {core.CodeNotFound, func(tx *store.Tx) error { _, err := tx.ShowKey(core.KeyClient); return err }},
			"an unknown secret of a pool":              {core.CodeNotFound, func(tx *store.Tx) error { return tx.DeletePoolSecret("no") }},
			"an unknown note":                          {core.CodeNotFound, func(tx *store.Tx) error { _, err := tx.Note("face", "no"); return err }},
			"an unknown flow":                          {core.CodeFlowEnded, func(tx *store.Tx) error { _, err := tx.Flow(core.NewFlowID()); return err }},
			"an unknown ticket":                        {core.CodeTicketInvalid, func(tx *store.Tx) error { _, err := tx.UseTicket(core.TicketLogin, []byte("no")); return err }},
			"an unknown session":                       {core.CodeTokenInvalid, func(tx *store.Tx) error { _, _, err := tx.LiveSession(core.NewSessionID()); return err }},
			"an unknown refresh token":                 {core.CodeTokenInvalid, func(tx *store.Tx) error { _, err := tx.RefreshToken([]byte("no")); return err }},
			"an unknown access token":                  {core.CodeTokenInvalid, func(tx *store.Tx) error { _, err := tx.AccessToken([]byte("no")); return err }},
			"a flow that was changed since":            {core.CodeConflict, func(tx *store.Tx) error { return tx.UpdateFlow(core.Flow{ID: f.flow.ID, Version: 7}) }},
			"a user that was changed since":            {core.CodeConflict, func(tx *store.Tx) error { return tx.UpdateUser(core.User{ID: f.user.ID, Version: 7}) }},
			"settings that were changed since":         {core.CodeConflict, func(tx *store.Tx) error { return tx.UpdateSettings(nil, 7) }},
			"a subject that is locked out":             {core.CodeLocked, func(tx *store.Tx) error { return charge(tx, f.subject) }},
			"an unknown key across pools":              {core.CodeNotFound, func(*store.Tx) error { _, err := s.Across().Key(context.Background(), []byte("no")); return err }},
			"an unknown pool across pools":             {core.CodeNotFound, func(*store.Tx) error { _, err := s.Across().Pool(context.Background(), core.NewPoolID()); return err }},
			"an unknown pool's name across pools":      {core.CodeNotFound, func(*store.Tx) error { _, err := s.Across().PoolNamed(context.Background(), "no"); return err }},
			"an unknown host across pools":             {core.CodeNotFound, func(*store.Tx) error { _, err := s.Across().PoolAt(context.Background(), "no.example"); return err }},
			"an unknown application across pools":      {core.CodeNotFound, func(*store.Tx) error { _, _, err := s.Across().Application(context.Background(), "no"); return err }},
			"a person without an address is no person": {core.CodeInternal, func(tx *store.Tx) error { return tx.CreateUser(core.User{ID: nobody, Email: "no"}) }},
		} {
			if err := f.bound.Update(context.Background(), c.try); !core.Is(err, c.code) {
				t.Errorf("law: %s is %s; got %v", law, c.code, err)
			}
		}

		// A pool's name and hosts are its own among all pools.
		other := core.Pool{ID: core.NewPoolID(), Name: "other", Hosts: f.pool.Hosts[:1]}
		if err := s.As(storetest.Caller(other.ID)).Update(context.Background(), func(tx *store.Tx) error { return tx.CreatePool(other) }); !core.Is(err, core.CodeTaken) {
			t.Errorf("law: a host of another pool is taken; got %v", err)
		}
		other.Name, other.Hosts = f.pool.Name, nil
		if err := s.As(storetest.Caller(other.ID)).Update(context.Background(), func(tx *store.Tx) error { return tx.CreatePool(other) }); !core.Is(err, core.CodeTaken) {
			t.Errorf("law: a name of another pool is taken; got %v", err)
		}

		// The error names the field that is taken.
		for pointer, u := range map[string]core.User{"/email": twin, "/username": namesake} {
			err := f.bound.Update(context.Background(), func(tx *store.Tx) error { return tx.CreateUser(u) })
			if refused, ok := errors.AsType[*core.Error](err); !ok || len(refused.Fields) != 1 || refused.Fields[0].Pointer != pointer {
				t.Errorf("law: what is taken is named; for %s came %v", pointer, err)
			}
		}
	})
}

func TestDeletedPeopleLeaveNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f := fill(t, s)
		other := person("bob")
		update(t, f.bound, func(tx *store.Tx) error {
			if err := tx.CreateUser(other); err != nil {
				return err
			}
			theirs := f.invite
			theirs.ID, theirs.Email = core.NewInvitationID(), f.user.Email
			if err := tx.PutInvitation([]byte("theirs"), theirs); err != nil {
				return err
			}
			return tx.PutTicket([]byte("theirs"), core.Ticket{Purpose: core.TicketResetPassword, Subject: string(f.user.ID), ExpiresAt: soon(time.Hour)})
		})
		before := storetest.Dump(t, db, f.pool.ID)
		update(t, f.bound, func(tx *store.Tx) error { return tx.DeleteUser(f.user.ID) })
		after := storetest.Dump(t, db, f.pool.ID)
		for table, gone := range map[string]int{"users": 1, "sessions": 1, "access_tokens": 1, "refresh_tokens": 1, "authenticators": 3, "devices": 1, "sightings": 1, "risk_decisions": 0, "user_profile_values": 2, "tickets": 1, "invitations": 1} {
			if len(before[table])-len(after[table]) != gone {
				t.Errorf("law: with a person goes what was theirs; of %s there were %d rows and are %d", table, len(before[table]), len(after[table]))
			}
		}
		view(t, f.bound, func(tx *store.Tx) error {
			users, n, _, err := tx.Users(core.Query{Size: 10})
			if err != nil || n != 1 || len(users) != 1 || users[0].ID != other.ID {
				t.Errorf("law: everybody else stays, and is counted; got %d, %v", n, err)
			}
			return nil
		})
		update(t, f.bound, func(tx *store.Tx) error { return tx.CreateUser(f.user) })
	})
}

func TestVoidedTickets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		u := person("ana")
		hashes := map[string]core.TicketPurpose{"a": core.TicketVerifyEmail, "b": core.TicketVerifyEmail, "c": core.TicketResetPassword}
		update(t, b, func(tx *store.Tx) error {
			if phc, err := tx.PasswordOf(u.ID); phc != "" || err != nil {
				t.Errorf("law: nobody has no password; got %q, %v", phc, err)
			}
			for hash, purpose := range hashes {
				if err := tx.PutTicket([]byte(hash), core.Ticket{Purpose: purpose, Subject: string(u.ID), ExpiresAt: soon(time.Hour)}); err != nil {
					return err
				}
			}
			if _, err := tx.UseTicket(core.TicketVerifyEmail, []byte("a")); err != nil {
				return err
			}
			return tx.VoidTickets(core.TicketVerifyEmail, string(u.ID))
		})
		left := maps.Clone(hashes)
		delete(left, "b")
		view(t, b, func(tx *store.Tx) error {
			for hash, purpose := range hashes {
				_, err := tx.Ticket(purpose, []byte(hash))
				if _, stays := left[hash]; stays != (err == nil) {
					t.Errorf("law: voiding ends the unused tickets of one purpose and subject; of %s came %v", hash, err)
				}
			}
			return nil
		})
	})
}

func TestIdentitiesAreOnePersons(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		f := fill(t, storetest.Open(t, database))
		other := person("bob")
		update(t, f.bound, func(tx *store.Tx) error { return tx.CreateUser(other) })
		for _, kind := range []core.AuthenticatorKind{core.AuthenticatorSocial, core.AuthenticatorSAML} {
			stolen := core.Authenticator{ID: core.NewAuthenticatorID(), User: other.ID, Kind: kind, Handle: f.identity.Handle}
			update(t, f.bound, func(tx *store.Tx) error {
				put, err := tx.PutAuthenticator(stolen)
				if put {
					t.Errorf("law: who somebody is to a provider is one person's in a pool; %s of somebody else was taken", kind)
				}
				return err
			})
		}
		more := f.identity
		more.ID, more.Handle, more.Data = core.NewAuthenticatorID(), "another", ""
		update(t, f.bound, func(tx *store.Tx) error { return added(tx.PutAuthenticator(more)) })
		update(t, f.bound, func(tx *store.Tx) error { return added(tx.PutAuthenticatorData(more.User, more.ID, `{"k":"new"}`)) })
		view(t, f.bound, func(tx *store.Tx) error {
			got, err := tx.AuthenticatorByHandle(more.Kind, more.Handle)
			same(t, "what it keeps", []any{got.User, got.Data, err}, []any{f.user.ID, `{"k":"new"}`, nil})
			return nil
		})
	})
}
