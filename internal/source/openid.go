package source

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const (
	// configurationLife is for how long what an issuer says of itself is believed,
	// keys included, and failureLife for how long it is not asked again after it
	// did not answer.
	configurationLife = time.Hour
	failureLife       = 5 * time.Second
	// maxIssuers is how many issuers are remembered.
	maxIssuers = 1000
	// leeway is by how much clocks may differ.
	leeway = time.Minute
)

// issuer is an OpenID provider and what it says of itself.
type issuer struct {
	provider *oidc.Provider
	client   *http.Client
	now      func() time.Time
	metadata metadata
}

// metadata is what its configuration says beside (OpenID Connect Discovery
// section 3, RFC 9207 section 3).
type metadata struct {
	Issuer           string   `json:"issuer"`
	AuthorizationURL string   `json:"authorization_endpoint"`
	TokenURL         string   `json:"token_endpoint"`
	KeysURL          string   `json:"jwks_uri"`
	Authentication   []string `json:"token_endpoint_auth_methods_supported"`
	SendsIssuer      bool     `json:"authorization_response_iss_parameter_supported"`
}

// configurations are the issuers that were asked, each at most once at a time.
type configurations struct {
	client *http.Client
	now    func() time.Time

	mu  sync.Mutex
	all map[string]*configuration
}

type configuration struct {
	mu    sync.Mutex // held while the issuer is asked
	value *issuer
	err   error
	until time.Time
}

func newConfigurations(client *http.Client, now func() time.Time) *configurations {
	return &configurations{client: client, now: now, all: make(map[string]*configuration)}
}

// get returns what an issuer says of itself.
func (c *configurations) get(ctx context.Context, k kind, name string) (*issuer, error) {
	key := string(k.name) + " " + name
	c.mu.Lock()
	one := c.all[key]
	if one == nil {
		if len(c.all) >= maxIssuers {
			for other := range c.all { // any
				delete(c.all, other)
				break
			}
		}
		one = &configuration{}
		c.all[key] = one
	}
	c.mu.Unlock()

	one.mu.Lock()
	defer one.mu.Unlock()
	if c.now().Before(one.until) {
		return one.value, one.err
	}
	// Others may wait for this: it does not end with who asked first.
	one.value, one.err = c.ask(context.WithoutCancel(ctx), k, name)
	life := configurationLife
	if one.err != nil {
		life = failureLife
	}
	one.until = c.now().Add(life)
	return one.value, one.err
}

func (c *configurations) ask(ctx context.Context, k kind, name string) (*issuer, error) {
	ctx = oidc.ClientContext(ctx, c.client)
	if k.issues != nil {
		// Its configuration names another issuer, which the tokens are compared with.
		ctx = oidc.InsecureIssuerURLContext(ctx, name)
	}
	provider, err := oidc.NewProvider(ctx, name)
	if err != nil {
		return nil, err
	}
	i := &issuer{provider: provider, client: c.client, now: c.now}
	if err := provider.Claims(&i.metadata); err != nil {
		return nil, err
	}
	for what, address := range map[string]string{"authorization_endpoint": i.metadata.AuthorizationURL, "token_endpoint": i.metadata.TokenURL, "jwks_uri": i.metadata.KeysURL} {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && strings.HasPrefix(name, "http://")) {
			return nil, fmt.Errorf("its %s is no https address", what)
		}
	}
	return i, nil
}

// endpoint is where it is asked, and how we show that it is us. How is decided
// here, and not tried: a code is good once.
func (i *issuer) endpoint() oauth2.Endpoint {
	e := i.provider.Endpoint()
	e.AuthStyle = oauth2.AuthStyleInHeader
	if ways := i.metadata.Authentication; len(ways) > 0 && !slices.Contains(ways, "client_secret_basic") {
		e.AuthStyle = oauth2.AuthStyleInParams
	}
	return e
}

// checkParameter compares the parameter iss of an answer with the issuer that
// was asked (RFC 9207 section 2.4).
func (i *issuer) checkParameter(iss string) error {
	if iss == "" && !i.metadata.SendsIssuer || strings.Contains(i.metadata.Issuer, "{") {
		return nil // or it is one of many: the token says which, and is compared
	}
	if iss != i.metadata.Issuer {
		return errors.New("the answer comes from another issuer")
	}
	return nil
}

// identify reads the token that came for the code (OpenID Connect Core section
// 3.1.3.7).
func (i *issuer) identify(ctx context.Context, k kind, p core.Provider, t Trip, token *oauth2.Token) (Identity, claims, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Identity{}, nil, refused(errors.New("there is no id_token"))
	}
	// The library compares the times with one that is late; what must not be in
	// the future is compared below.
	verifier := i.provider.Verifier(&oidc.Config{ClientID: p.ClientID, SkipIssuerCheck: true, Now: func() time.Time { return i.now().Add(-leeway) }})
	read, err := verifier.Verify(ctx, raw)
	if err != nil {
		if _, unreachable := errors.AsType[*url.Error](err); unreachable {
			return Identity{}, nil, down(err)
		}
		return Identity{}, nil, refused(err)
	}
	var c claims
	if err := read.Claims(&c); err != nil {
		return Identity{}, nil, refused(err)
	}
	if err := i.check(k, p, t, read, c); err != nil {
		return Identity{}, nil, refused(err)
	}
	if read.AccessTokenHash != "" {
		if err := read.VerifyAccessToken(token.AccessToken); err != nil {
			return Identity{}, nil, refused(err)
		}
	}
	if c["email"] == nil && i.provider.UserInfoEndpoint() != "" {
		if c, err = i.more(ctx, token, c); err != nil {
			return Identity{}, nil, err
		}
	}
	verified := c["email_verified"] == true // and no text that says so
	if k.verified != nil {
		verified = k.verified(c)
	}
	return Identity{Issuer: read.Issuer, Subject: c.text("sub"), Email: c.text("email"), EmailVerified: verified}, c, nil
}

// check is what the library leaves to its callers.
func (i *issuer) check(k kind, p core.Provider, t Trip, read *oidc.IDToken, c claims) error {
	now := i.now()
	issues := read.Issuer == i.metadata.Issuer
	if k.issues != nil {
		issues = k.issues(i.metadata.Issuer, read.Issuer, c)
	}
	azp, named := c["azp"]
	switch {
	case !issues:
		return errors.New("the token has another issuer")
	case read.Expiry.IsZero() || !now.Before(read.Expiry.Add(leeway)):
		return errors.New("the token is past its time")
	case read.IssuedAt.IsZero() || read.IssuedAt.After(now.Add(leeway)):
		return errors.New("the token is from the future")
	case c["nbf"] != nil && !notBefore(c["nbf"], now):
		return errors.New("the token is not good yet")
	case named && azp != p.ClientID, !named && len(read.Audience) > 1:
		return errors.New("the token is for another party")
	case !k.noNonce && subtle.ConstantTimeCompare([]byte(read.Nonce), []byte(t.Nonce)) != 1:
		return errors.New("the token has not the nonce that was sent")
	}
	return nil
}

func notBefore(value any, now time.Time) bool {
	at, ok := value.(float64)
	return ok && at <= float64(now.Add(leeway).Unix())
}

// more asks the provider for the claims that its token leaves out (OpenID
// Connect Core section 5.3). Those of the token count where both have one, and
// both have to speak of the same person.
func (i *issuer) more(ctx context.Context, token *oauth2.Token, c claims) (claims, error) {
	info, err := i.provider.UserInfo(oidc.ClientContext(ctx, i.client), oauth2.StaticTokenSource(token))
	if err != nil {
		if _, unreachable := errors.AsType[*url.Error](err); unreachable {
			return nil, down(err)
		}
		return nil, refused(err)
	}
	var all claims
	if err := info.Claims(&all); err != nil {
		return nil, refused(err)
	}
	if all.text("sub") == "" || all.text("sub") != c.text("sub") {
		return nil, refused(errors.New("the provider speaks of two people"))
	}
	for name, value := range c {
		all[name] = value
	}
	return all, nil
}
