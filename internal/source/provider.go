package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Providers asks OpenID providers, and services with an OAuth sign-in of their
// own, who somebody is.
type Providers struct {
	store  *store.Store
	client *http.Client
	known  *configurations
}

// NewProviders makes them. All is asked through the client, which is to look at
// where it calls: addresses come from the settings of pools, and from what is
// found there.
func NewProviders(st *store.Store, client *http.Client) *Providers {
	return &Providers{store: st, client: client, known: newConfigurations(client, st.Clock)}
}

// Trip is what belongs to one way of a browser to a provider and back.
type Trip struct {
	State    string // repeated by the provider's answer
	Nonce    string // repeated by its token
	Verifier string // of PKCE (RFC 7636), which the answer is worth nothing without
	Callback string // where the provider sends the browser, as it was registered there
}

// Returned is what a browser brings back.
type Returned struct {
	Code   string
	Issuer string // the parameter iss (RFC 9207); empty: there is none
}

// longest is how long a subject may be: what OpenID Connect Core section 2 says
// that a client has to take.
const longest = 255

// Begin returns where to send the browser. It returns [core.CodeServiceDown] if
// the provider cannot be reached.
func (s *Providers) Begin(ctx context.Context, p core.Provider, t Trip) (string, error) {
	k, config, _, err := s.reach(ctx, core.Pool{}, p, t)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(t.Verifier)}
	if k.oauth == nil && !k.noNonce {
		options = append(options, oauth2.SetAuthURLParam("nonce", t.Nonce))
	}
	return config.AuthCodeURL(t.State, options...), nil
}

// Identify asks the provider whose answer this is. It returns
// [core.CodeProviderRefused] if the answer is none to the trip, and
// [core.CodeServiceDown] if the provider cannot be reached. What the provider
// says is repeated to nobody but the log.
func (s *Providers) Identify(ctx context.Context, pool core.Pool, p core.Provider, t Trip, r Returned) (Identity, error) {
	k, config, issuer, err := s.reach(ctx, pool, p, t)
	if err != nil {
		return Identity{}, err
	}
	if r.Code == "" {
		return Identity{}, refused(errors.New("the answer has no code"))
	}
	if issuer != nil {
		if err := issuer.checkParameter(r.Issuer); err != nil {
			return Identity{}, refused(err)
		}
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, s.client)
	token, err := config.Exchange(ctx, r.Code, oauth2.VerifierOption(t.Verifier))
	if err != nil {
		return Identity{}, ofExchange(err)
	}
	var who Identity
	var c claims
	if k.oauth != nil {
		who, c, err = k.oauth.identify(ctx, s, k.issuerOf(p), config, token)
	} else {
		who, c, err = issuer.identify(ctx, k, p, t, token)
	}
	if err != nil {
		return Identity{}, err
	}
	if who.Issuer == "" || who.Subject == "" || who.Subject == "null" || len(who.Subject) > longest || len(who.Issuer) > 1024 {
		return Identity{}, refused(errors.New("the subject is empty, or too long"))
	}
	if email, ok := core.ParseEmail(who.Email); ok {
		who.Email = email.Text
	} else {
		who.Email = ""
	}
	who.EmailVerified = who.EmailVerified && who.Email != "" && k.trusts(p)
	who.Claims = c.texts()
	return who, nil
}

// reach finds how the provider is spoken to. issuer is nil where that is not
// OpenID Connect. Without a pool nothing secret is looked up.
func (s *Providers) reach(ctx context.Context, pool core.Pool, p core.Provider, t Trip) (k kind, config *oauth2.Config, i *issuer, err error) {
	k, ok := kindOf(p)
	if !ok {
		return k, nil, nil, fmt.Errorf("a provider of the kind %q is not asked over OAuth", p.Kind)
	}
	config = &oauth2.Config{ClientID: p.ClientID, RedirectURL: t.Callback, Scopes: slices.Compact(append(slices.Clone(k.scopes), p.Scopes...))}
	if k.oauth != nil {
		config.Endpoint = k.oauth.endpoint(k, p)
	} else {
		if i, err = s.known.get(ctx, k, k.issuerOf(p)); err != nil {
			return k, nil, nil, down(err)
		}
		config.Endpoint = i.endpoint()
	}
	if pool.ID == "" {
		return k, config, i, nil
	}
	key, err := s.secret(ctx, pool.ID, p.Name)
	config.ClientSecret = key.Reveal()
	return k, config, i, err
}

// secret opens what was given to the pool for a provider; empty: nothing was.
func (s *Providers) secret(ctx context.Context, pool core.PoolID, provider string) (secret.Text, error) {
	var found secret.Text
	caller := core.Caller{Pool: pool, Actor: core.Actor{Kind: core.ActorSystem, ID: "source"}}
	err := s.store.As(caller).View(ctx, func(tx *store.Tx) error {
		all, err := tx.PoolSecrets()
		for _, one := range all {
			if one.Name == string(core.ProviderSecret(provider)) {
				found = secret.Text(one.Plain)
			}
		}
		return err
	})
	return found, err
}

// refused is for an answer that is none to what was asked.
func refused(cause error) error {
	return &core.Error{Code: core.CodeProviderRefused, Detail: "The provider did not say who this is, or its answer is not one to what it was asked.", Cause: brief(cause)}
}

// down is for a provider that cannot be reached, or does not speak as it should.
func down(cause error) error {
	return &core.Error{Code: core.CodeServiceDown, Detail: "The provider cannot be asked just now. Try again in a moment.", RetryAfter: time.Second, Cause: brief(cause)}
}

// ofExchange tells a refusal of the provider from its absence.
func ofExchange(err error) error {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		cause := fmt.Errorf("the provider answered %s (%s)", answer.Response.Status, answer.ErrorCode)
		if answer.Response.StatusCode >= http.StatusInternalServerError || answer.Response.StatusCode == http.StatusTooManyRequests {
			return down(cause)
		}
		return refused(cause)
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return down(err)
	}
	return refused(err)
}

// brief keeps of an error what a line of the log can hold: libraries repeat
// whole answers in theirs.
func brief(err error) error {
	if fault, ok := errors.AsType[*url.Error](err); ok {
		err = fault.Err // without the address, which may hold a code
	}
	const most = 300
	if text := err.Error(); len(text) > most {
		return errors.New(strings.ToValidUTF8(text[:most], "") + "...")
	}
	return err
}

// claims are what a provider says of somebody, by the names of OpenID Connect
// or its own.
type claims map[string]any

// text is the claim of this name, if it is text.
func (c claims) text(name string) string {
	text, _ := c[name].(string)
	return text
}

// texts are the claims that are text.
func (c claims) texts() map[string]string {
	all := make(map[string]string)
	for name, value := range c {
		if text, ok := value.(string); ok {
			all[name] = text
		}
	}
	return all
}
