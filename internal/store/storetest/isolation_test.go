package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// foreign is one method called with the ids and hashes of another pool. It
// reports whether it saw something of that pool. An error is no sight.
type foreign func(tx *store.Tx, a filled, claimed store.Outgoing) (saw bool, err error)

// wrote is for methods that only write.
func wrote(err error) (bool, error) { return false, err }

// foreigners has a case for each exported method of *store.Tx.
func foreigners() map[string]foreign {
	return map[string]foreign{
		"Now": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return tx.Caller().Pool == a.pool.ID, nil
		},
		"Caller": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return tx.Caller().Pool == a.pool.ID, nil
		},

		"CreatePool": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return wrote(tx.CreatePool(a.pool)) },
		"UpdateSettings": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.UpdateSettings(core.Overrides{"display_name": []byte(`"Changed"`)}, 1))
		},
		"Pool": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			p, err := tx.Pool()
			return p.ID == a.pool.ID || p.Name == a.pool.Name, err
		},

		"PutKey": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutKey(a.key, a.hash, "other"))
		},
		"RevokeKey": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return wrote(tx.RevokeKey(a.key.ID)) },
		"Keys": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			keys, err := tx.Keys()
			return len(keys) > 0, err
		},
		"ShowKey": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			plain, err := tx.ShowKey(a.key.Kind)
			return plain != "", err
		},

		"PutApplication": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutApplication(a.app, []byte("other")))
		},
		"Applications": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			all, err := tx.Applications()
			return len(all) > 0, err
		},
		"UpdateApplication": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.UpdateApplication(a.app))
		},
		"DeleteApplication": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.DeleteApplication(a.app.ID))
		},
		"Application": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			app, err := tx.Application(a.app.ID)
			return app.ID != "", err
		},
		"PutApplicationSecret": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			other := a.given
			other.ID = core.NewApplicationSecretID()
			return wrote(tx.PutApplicationSecret(other, []byte("other")))
		},
		"ApplicationSecret": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			s, err := tx.ApplicationSecret(a.hash)
			return s.ID != "", err
		},
		"ApplicationSecrets": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			all, err := tx.ApplicationSecrets(a.app.ID)
			return len(all) > 0, err
		},
		"RevokeApplicationSecret": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.RevokeApplicationSecret(a.app.ID, a.given.ID))
		},
		"PutConsent": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutConsent(a.user.ID, a.app.ID, []string{"other"}))
		},
		"Consents": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			scopes, err := tx.Consents(a.user.ID, a.app.ID)
			return len(scopes) > 0, err
		},
		"PutClientToken": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutClientToken(a.hash, core.ClientToken{ID: a.client.ID, Application: a.app.ID, ExpiresAt: soon(time.Hour)}))
		},
		"ClientToken": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			token, err := tx.ClientToken(a.hash)
			return token.ID != "", err
		},
		"DeleteClientToken": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return tx.DeleteClientToken(a.app.ID, a.hash)
		},
		"PutDeviceCode": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			// Another pool's codes do not stand in the way.
			made, err := tx.PutDeviceCode(a.hash, a.hash, a.waiting)
			return err == nil && !made, err
		},
		"DeviceCode": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			c, err := tx.DeviceCode(a.hash)
			return c.Application != "", err
		},
		"WaitingDevice": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			c, err := tx.WaitingDevice(a.asking)
			return c.Application != "", err
		},
		"ClaimDeviceCode": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.ClaimDeviceCode(a.asking, "", a.flow.ID))
		},
		"AnswerDeviceCode": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.AnswerDeviceCode(a.asking, "", "data"))
		},
		"PollDeviceCode": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return tx.PollDeviceCode(a.asking)
		},
		"TakeDeviceCode": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			c, err := tx.TakeDeviceCode(a.hash)
			return c.Application != "", err
		},
		"PutPoolSecret": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutPoolSecret(store.PoolSecret{Name: a.secret.Name, Public: "other"}))
		},
		"PoolSecrets": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			all, err := tx.PoolSecrets()
			return len(all) > 0, err
		},
		"DeletePoolSecret": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.DeletePoolSecret(a.secret.Name))
		},

		"CreateUser": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return wrote(tx.CreateUser(a.user)) },
		"User": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			u, err := tx.User(a.user.ID)
			return u.ID != "", err
		},
		"UserByEmail": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			u, err := tx.UserByEmail("ana.é@example.org")
			return u.ID != "", err
		},
		"UserByUsername": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			u, err := tx.UserByUsername(core.Fold(a.user.Username))
			return u.ID != "", err
		},
		"UpdateUser": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return wrote(tx.UpdateUser(a.user)) },
		"ChangeCredentials": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			_, err := tx.ChangeCredentials(a.user.ID)
			return wrote(err)
		},
		"CountLogin": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.CountLogin(a.user.ID, 0, "192.0.2.9"))
		},
		"DeleteUser": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return wrote(tx.DeleteUser(a.user.ID)) },
		"Users": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			for _, conditions := range [][]core.Condition{
				nil, {{Field: "id", Op: core.OpEquals, Values: []any{string(a.user.ID)}}}, {{Field: "profile", Name: "first_name", Op: core.OpExists, Values: []any{true}}},
				{{Field: "profile", Name: "first_name", Op: core.OpContainsAny, Values: []any{"an", "x"}}}, {{Field: "email", Op: core.OpContainsAny, Values: []any{"x", "ana"}}},
			} {
				users, n, next, err := tx.Users(core.Query{Conditions: conditions, Size: 10})
				if err != nil || len(users) > 0 || n > 0 || next != "" {
					return err == nil, err
				}
			}
			return false, nil
		},

		"ProfileNames": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			names, err := tx.ProfileNames()
			return len(names) > 0, err
		},
		"PutAuthenticator": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			_, err := tx.PutAuthenticator(core.Authenticator{ID: core.NewAuthenticatorID(), User: a.user.ID, Kind: core.AuthenticatorEmailOTP})
			return wrote(err)
		},
		"AdvanceAuthenticator": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return tx.AdvanceAuthenticator(a.user.ID, a.passkey.ID, a.passkey.Counter+1)
		},
		"AuthenticatorByHandle": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			found, err := tx.AuthenticatorByHandle(a.passkey.Kind, a.passkey.Handle)
			if found.ID != "" || err != nil && !core.Is(err, core.CodeNotFound) {
				return found.ID != "", err
			}
			found, err = tx.AuthenticatorByHandle(a.identity.Kind, a.identity.Handle)
			return found.ID != "", err
		},
		"PutAuthenticatorData": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return tx.PutAuthenticatorData(a.user.ID, a.passkey.ID, "{}")
		},
		"RememberDevice": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.RememberDevice(core.Device{User: a.user.ID, Hash: a.hash, ExpiresAt: soon(time.Hour)}, 10))
		},
		"Device": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			_, err := tx.Device(a.user.ID, a.hash)
			return err == nil, err
		},
		"ForgetDevices": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			n, err := tx.ForgetDevices(a.user.ID)
			return n > 0, err
		},
		"SpendAssertion": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			// Another pool's does not stand in the way.
			first, err := tx.SpendAssertion("acme", a.hash, soon(time.Hour))
			return err == nil && !first, err
		},
		"PutRiskDecision": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			other := a.decision
			other.ID = core.NewRiskDecisionID()
			return wrote(tx.PutRiskDecision(other))
		},
		"RiskDecisions": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			all, err := tx.RiskDecisions(a.decision.Request)
			return len(all) > 0, err
		},
		"PutSighting": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutSighting(core.Sighting{User: a.user.ID, Place: core.Place{Country: "DE"}}))
		},
		"Sightings": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			all, err := tx.Sightings(a.user.ID)
			return len(all) > 0, err
		},
		"PutRecoveryCodes": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutRecoveryCodes(a.user.ID, [][]byte{[]byte("other")}))
		},
		"RecoveryCodes": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			hashes, err := tx.RecoveryCodes(a.user.ID)
			return len(hashes) > 0, err
		},
		"UseRecoveryCode": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return tx.UseRecoveryCode(a.user.ID, a.hash)
		},
		"PutPassword": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutPassword(core.Authenticator{ID: a.password.ID, User: a.user.ID, Secret: "other"}))
		},
		"RenewPassword": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.RenewPassword(a.user.ID, a.password.Secret, "other"))
		},
		"PasswordOf": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			phc, err := tx.PasswordOf(a.user.ID)
			return phc != "", err
		},
		"Authenticators": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			all, err := tx.Authenticators(a.user.ID)
			return len(all) > 0, err
		},

		"ExpirePassword": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return tx.ExpirePassword(a.user.ID) },
		"DeleteAuthenticator": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			kind, err := tx.DeleteAuthenticator(a.user.ID, a.password.ID)
			return kind != "", err
		},

		"PutFlow": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutFlow(core.Flow{ID: a.flow.ID, ExpiresAt: soon(time.Hour)}))
		},
		"Flow": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			f, err := tx.Flow(a.flow.ID)
			return f.Facts.State != "", err
		},
		"FlowKnown":    func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return tx.FlowKnown(a.flow.ID) },
		"UpdateFlow":   func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return wrote(tx.UpdateFlow(a.flow)) },
		"CompleteFlow": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return wrote(tx.CompleteFlow(a.flow)) },

		"PutTicket": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutTicket(a.hash, core.Ticket{Purpose: a.ticket.Purpose, ExpiresAt: soon(time.Hour)}))
		},
		"UseTicket": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			k, err := tx.UseTicket(a.ticket.Purpose, a.hash)
			return k.Subject != "", err
		},
		"Ticket": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			k, err := tx.Ticket(a.ticket.Purpose, a.hash)
			return k.Subject != "", err
		},
		"VoidTickets": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.VoidTickets(a.ticket.Purpose, a.ticket.Subject))
		},

		"PutAgreement": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			other := a.terms
			other.ID = core.NewAgreementID()
			return wrote(tx.PutAgreement(other))
		},
		"HeldAgreement": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			g, err := tx.HeldAgreement(a.terms.Kind, a.terms.ID)
			return g.ID != "", err
		},
		"UpdateAgreement": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.UpdateAgreement(a.terms))
		},
		"DeleteAgreement": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.DeleteAgreement(a.terms.Kind, a.terms.ID))
		},
		"ActiveAgreements": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			all, err := tx.ActiveAgreements()
			return len(all) > 0, err
		},
		"Agreements": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			for _, conditions := range [][]core.Condition{
				nil, {{Field: "id", Op: core.OpEquals, Values: []any{string(a.terms.ID)}}}, {{Field: "text", Op: core.OpContainsAny, Values: []any{"x", "Terms"}}},
			} {
				all, n, next, err := tx.Agreements(core.Query{Conditions: conditions, Size: 10})
				if err != nil || len(all) > 0 || n > 0 || next != "" {
					return err == nil, err
				}
			}
			return false, nil
		},
		"CreateGroup": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			other := a.group
			other.ID = core.NewGroupID()
			return wrote(tx.CreateGroup(other))
		},
		"Group": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			g, err := tx.Group(a.group.ID)
			return g.ID != "", err
		},
		"UpdateGroup": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return wrote(tx.UpdateGroup(a.group)) },
		"DeleteGroup": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.DeleteGroup(a.group.ID))
		},
		"AddMember": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			if _, err := tx.User(a.user.ID); err == nil {
				err = tx.RemoveMember(a.group.ID, a.user.ID)
				return true, errors.Join(err, join(tx, a.group.ID, a.user.ID))
			}
			// Somebody of the pool's own cannot be put in another's group either.
			own := person("own")
			if err := tx.CreateUser(own); err != nil {
				return false, err
			}
			if _, err := tx.AddMember(a.group.ID, own.ID); !core.Is(err, core.CodeNotFound) {
				return true, err
			}
			return tx.AddMember(a.group.ID, a.user.ID)
		},
		"RemoveMember": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.RemoveMember(a.group.ID, a.user.ID))
		},
		"GroupsOf": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			of, err := tx.GroupsOf([]core.UserID{a.user.ID}, 10)
			return len(of) > 0, err
		},
		"Groups": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			for _, conditions := range [][]core.Condition{
				nil, {{Field: "id", Op: core.OpEquals, Values: []any{string(a.group.ID)}}}, {{Field: "name", Op: core.OpContainsAny, Values: []any{"x", "team"}}},
			} {
				all, n, next, err := tx.Groups(core.Query{Conditions: conditions, Size: 10})
				if err != nil || len(all) > 0 || n > 0 || next != "" {
					return err == nil, err
				}
			}
			return false, nil
		},
		"Members": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			users, n, next, err := tx.Members(a.group.ID, core.Query{Size: 10})
			return len(users) > 0 || n > 0 || next != "", err
		},
		"Memberships": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			groups, n, next, err := tx.Memberships(a.user.ID, core.Query{Size: 10})
			return len(groups) > 0 || n > 0 || next != "", err
		},
		"PutInvitation": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			other := a.invite
			other.ID = core.NewInvitationID()
			return wrote(tx.PutInvitation([]byte("other"), other))
		},
		"Invitation": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			i, err := tx.Invitation(a.invite.ID)
			return i.ID != "", err
		},
		"InvitationByHash": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			i, err := tx.InvitationByHash(a.hash)
			return i.ID != "", err
		},
		"UseInvitation": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.UseInvitation(a.invite.ID, core.Fold(a.invite.Email)))
		},
		"DeleteInvitation": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.DeleteInvitation(a.invite.ID))
		},
		"Invitations": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			for _, conditions := range [][]core.Condition{
				nil, {{Field: "id", Op: core.OpEquals, Values: []any{string(a.invite.ID)}}}, {{Field: "email", Op: core.OpContainsAny, Values: []any{"x", "bob"}}},
			} {
				all, n, next, err := tx.Invitations(core.Query{Conditions: conditions, Size: 10})
				if err != nil || len(all) > 0 || n > 0 || next != "" {
					return err == nil, err
				}
			}
			return false, nil
		},

		"PutSession": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutSession(core.Session{ID: a.session.ID, User: a.user.ID, ExpiresAt: soon(time.Hour)}))
		},
		"LiveSession": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			s, u, err := tx.LiveSession(a.session.ID)
			return s.User != "" || u.ID != "", err
		},
		"Sessions": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			for _, conditions := range [][]core.Condition{
				nil, {{Field: "id", Op: core.OpEquals, Values: []any{string(a.session.ID)}}}, {{Field: "user", Op: core.OpEquals, Values: []any{string(a.user.ID)}}},
				{{Field: "profile", Name: "first_name", Op: core.OpExists, Values: []any{true}}}, {{Field: "email", Op: core.OpContainsAny, Values: []any{"x", "ana"}}},
			} {
				sessions, n, next, err := tx.Sessions(core.Query{Conditions: conditions, Size: 10})
				if err != nil || len(sessions) > 0 || n > 0 || next != "" {
					return err == nil, err
				}
			}
			return false, nil
		},
		"EndSession": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return tx.EndSession(a.session.ID) },
		"EndSessionsOf": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			n, err := tx.EndSessionsOf(a.user.ID, "")
			return n > 0, err
		},
		"ExtendSession": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.ExtendSession(a.session.ID, soon(9*time.Hour)))
		},
		"PutRefresh": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutRefresh(a.hash, store.Refresh{Session: a.session.ID, ExpiresAt: soon(time.Hour)}))
		},
		"SpendRefresh": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			r, spent, err := tx.SpendRefresh(a.hash)
			return spent || r.Session != "", err
		},
		"RefreshToken": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			r, err := tx.RefreshToken(a.hash)
			return r.Session != "", err
		},
		"PutAccess": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutAccess(a.hash, core.AccessToken{ID: a.access.ID, Session: a.session.ID, ExpiresAt: soon(time.Hour)}))
		},
		"ShortenAccess": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.ShortenAccess(a.session.ID, soon(time.Minute)))
		},
		"AccessToken": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			k, err := tx.AccessToken(a.hash)
			return k.ID != "" || k.User.ID != "", err
		},

		"PutSigningKey": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			next := a.signing
			next.ID = core.NewSigningKeyID()
			return wrote(tx.PutSigningKey(next, a.signing.ID))
		},
		"SigningKeys": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			keys, err := tx.SigningKeys()
			return len(keys) > 0, err
		},
		"LengthenSigningKey": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.LengthenSigningKey(a.signing.ID, 9*time.Hour, 9*time.Hour))
		},
		"ForgetSigningKeys": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.ForgetSigningKeys())
		},

		"Charge": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(charge(tx, a.subject))
		},
		"TellLocked": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return tx.TellLocked(a.subject) },
		"Spend": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.Spend(core.BudgetMailsTo, a.subject, core.DefaultSettings()))
		},
		"Refund": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.Refund(core.BudgetMailsTo, a.subject, tx.Now()))
		},
		"Forgive": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) { return wrote(tx.Forgive(a.subject)) },
		"BlockedUntil": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			until, err := tx.BlockedUntil(a.subject)
			return !until.IsZero(), err
		},

		"Record": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.Record(core.Event{Name: core.EventUserDeleted, Target: string(a.user.ID)}))
		},
		"Events": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			all, err := tx.Events(10)
			return len(all) > 0, err
		},
		"Trail": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			all, err := tx.Trail(0, 10)
			return len(all) > 0, err
		},
		"VerifyAudit": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			report, err := tx.VerifyAudit(store.AuditHead{})
			return report.Checked > 0, err
		},

		"Send": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.Send(core.Message{ID: a.message.ID, To: "other@example.org"}))
		},
		"FinishMessage": func(tx *store.Tx, _ filled, claimed store.Outgoing) (bool, error) { return tx.FinishMessage(claimed) },
		"PutOffMessage": func(tx *store.Tx, _ filled, claimed store.Outgoing) (bool, error) {
			return wrote(tx.PutOffMessage(claimed, soon(9*time.Hour)))
		},
		"Waiting": func(tx *store.Tx, _ filled, _ store.Outgoing) (bool, error) {
			n, err := tx.Waiting()
			return n > 0, err
		},

		"PutImportSource": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			other := a.source
			other.ID = core.NewImportSourceID()
			return wrote(tx.PutImportSource(other))
		},
		"PutImportChunk": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutImportChunk(a.source.ID, 1, []byte("other")))
		},
		"FinishImportSource": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			if err := tx.FinishImportSource(a.source); !core.Is(err, core.CodeNotFound) {
				return true, err
			}
			other := a.source
			other.ID = core.NewImportSourceID()
			return wrote(errors.Join(tx.PutImportSource(other), tx.FinishImportSource(other)))
		},
		"ImportSource": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			source, err := tx.ImportSource(a.source.ID)
			return source.ID != "", err
		},
		"UseImportSource": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			if source, err := tx.UseImportSource(a.source.ID, "imp_other"); !core.Is(err, core.CodeNotFound) {
				return source.ID != "", err
			}
			other := a.source
			other.ID = core.NewImportSourceID()
			if err := errors.Join(tx.PutImportSource(other), tx.FinishImportSource(other)); err != nil {
				return false, err
			}
			_, err := tx.UseImportSource(other.ID, "imp_other")
			return wrote(err)
		},
		"ImportChunk": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			chunk, err := tx.ImportChunk(a.source.ID, 0)
			return len(chunk) > 0, err
		},
		"DropImportSource": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.DropImportSource(a.source.ID))
		},
		"CreateImport": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			other := a.imported
			other.ID = core.NewImportID()
			return wrote(tx.CreateImport(other))
		},
		"Import": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			i, err := tx.Import(a.imported.ID)
			return i.ID != "", err
		},
		"ImportOfFile": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			other := a.imported
			if i, err := tx.ImportOfFile(other.File); !core.Is(err, core.CodeNotFound) {
				return i.ID != "", err // that one has been uploaded
			}
			other.ID, other.Source = core.NewImportID(), ""
			if err := tx.CreateImport(other); err != nil {
				return false, err
			}
			_, err := tx.ImportOfFile(other.File)
			return wrote(err)
		},
		"ImportOf": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			_, err := tx.ImportOf(a.user.ID)
			return err == nil, err
		},
		"Imports": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			for _, conditions := range [][]core.Condition{
				nil, {{Field: "id", Op: core.OpEquals, Values: []any{string(a.imported.ID)}}}, {{Field: "name", Op: core.OpContainsAny, Values: []any{"x", "spring"}}},
			} {
				all, n, next, err := tx.Imports(core.Query{Conditions: conditions, Size: 10})
				if err != nil || len(all) > 0 || n > 0 || next != "" {
					return err == nil, err
				}
			}
			return false, nil
		},
		"ClaimImport": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			if err := tx.ReleaseImport(a.imported.ID, claimOfImport); err != nil {
				return false, err
			}
			return tx.ClaimImport(a.imported.ID, "other", soon(9*time.Hour))
		},
		"ReleaseImport": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.ReleaseImport(a.imported.ID, claimOfImport))
		},
		"AdvanceImport": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.AdvanceImport(a.imported.ID, store.ImportStep{
				Claim: claimOfImport, From: a.imported.Position, To: a.imported.Position + 1, Until: soon(time.Hour), Spent: 1,
			}))
		},
		"RestartImport": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			if err := tx.RestartImport(a.imported.ID, claimOfImport); !core.Is(err, core.CodeConflict) {
				return true, err // it stores people: what it has stored cannot be begun anew
			}
			other := a.imported
			other.ID, other.Dry = core.NewImportID(), true
			if err := tx.CreateImport(other); err != nil {
				return false, err
			}
			_, err := tx.ClaimImport(other.ID, "other", soon(time.Hour))
			return wrote(errors.Join(err, tx.RestartImport(other.ID, "other")))
		},
		"EndImport": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return tx.EndImport(a.imported.ID, claimOfImport, core.ImportDone, "")
		},
		"ImportDetails": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			all, err := tx.ImportDetails(a.imported.ID, core.OutcomeSkipped)
			return len(all) > 0, err
		},
		"AddNewcomers": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			if _, err := tx.User(a.user.ID); err == nil {
				_, err := tx.AddNewcomers(a.imported.ID, []store.Newcomer{{User: person("newcomer")}})
				return wrote(err)
			}
			// The same people may be in another pool too, with all that is theirs.
			added, err := tx.AddNewcomers(a.imported.ID, []store.Newcomer{{User: a.user, Password: core.Authenticator{ID: a.password.ID, Secret: "other"}}})
			return err == nil && !added[0], err
		},
		"Standing": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			standing, err := tx.Standing([]store.Newcomer{{User: a.user}})
			return err == nil && standing[0].User != "", err
		},

		"PutNote": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			return wrote(tx.PutNote("face", a.note, "other", soon(time.Hour)))
		},
		"Note": func(tx *store.Tx, a filled, _ store.Outgoing) (bool, error) {
			data, err := tx.Note("face", a.note)
			return data != "", err
		},
	}
}

// TestT1EveryTxMethodFromAnotherPool is abuse case T1 for the whole store: with
// another pool's ids and hashes in hand one sees and changes nothing of it.
// Each case is run by the owner too, who must see or change something: a case
// that does nothing proves nothing.
func TestT1EveryTxMethodFromAnotherPool(t *testing.T) {
	cases := foreigners()
	kind := reflect.TypeFor[*store.Tx]()
	for i := range kind.NumMethod() {
		if name := kind.Method(i).Name; cases[name] == nil {
			t.Errorf("law: every method of Tx has a case here; %s has none", name)
		}
	}
	for name := range cases {
		if _, there := kind.MethodByName(name); !there {
			t.Errorf("law: every case here is a method of Tx; %s is none", name)
		}
	}
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		for name, try := range cases {
			a, bystander := fill(t, s), fill(t, s)
			b := demo(t, s)
			messages, err := s.Across().ClaimMessages(context.Background(), core.ChannelMail, 100, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			var claimed store.Outgoing
			for _, o := range messages {
				if o.Pool == a.pool.ID {
					claimed = o
				}
			}
			before, others := storetest.Dump(t, db, a.pool.ID), storetest.Dump(t, db, bystander.pool.ID)
			for table, rows := range before {
				if len(rows) == 0 {
					t.Fatalf("this test fills every table; %s is empty", table)
				}
			}

			var saw bool
			err = b.Update(context.Background(), func(tx *store.Tx) (err error) { saw, err = try(tx, a, claimed); return err })
			if saw {
				t.Errorf("law: %s shows nothing of another pool; it did", name)
			}
			if !coded(err) {
				t.Errorf("law: %s with another pool's ids is no fault of ours; got %v", name, err)
			}
			if after := storetest.Dump(t, db, a.pool.ID); !reflect.DeepEqual(before, after) {
				t.Errorf("law: %s changes nothing of another pool; its rows are\n%v\nin place of\n%v", name, after, before)
			}

			err = a.bound.Update(context.Background(), func(tx *store.Tx) (err error) {
				saw, err = try(tx, a, claimed)
				return err
			})
			changed := !reflect.DeepEqual(before, storetest.Dump(t, db, a.pool.ID))
			if !saw && !changed && err == nil {
				t.Errorf("law: the owner's %s sees or changes something; it did neither, so this case proves nothing", name)
			}
			if after := storetest.Dump(t, db, bystander.pool.ID); !reflect.DeepEqual(others, after) {
				t.Errorf("law: %s changes nothing of a third pool; its rows are\n%v\nin place of\n%v", name, after, others)
			}
		}
	})
}

// TestUnboundCallerReachesNothing has a caller without a pool.
func TestUnboundCallerReachesNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		a := fill(t, s)
		before := storetest.Dump(t, db, a.pool.ID)
		for _, pool := range []core.PoolID{"", "%", "pol_%", core.PoolID("' OR '1'='1"), a.pool.ID + " ", core.PoolID(a.pool.ID[:10])} {
			for name, try := range foreigners() {
				var saw bool
				err := s.As(core.Caller{Pool: pool}).Update(context.Background(), func(tx *store.Tx) (err error) {
					saw, err = try(tx, a, store.Outgoing{Message: a.message, Pool: a.pool.ID})
					return errors.Join(err, fmt.Errorf("undone: %w", errWanted))
				})
				if saw || !errors.Is(err, errWanted) {
					t.Errorf("law: a caller of pool %q sees nothing of another; by %s it did (%v)", pool, name, err)
				}
			}
		}
		if after := storetest.Dump(t, db, a.pool.ID); !reflect.DeepEqual(before, after) {
			t.Errorf("law: a caller without a pool changes nothing; the rows are\n%v\nin place of\n%v", after, before)
		}
	})
}
