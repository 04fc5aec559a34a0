package authn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// AuthN is a client of one pool. It is made by [New] and may be used by any
// number of goroutines at once.
type AuthN struct {
	User       UserService       // people, as a server application keeps them
	Client     ClientService     // what somebody who is signed in does
	Flow       FlowService       // signing up and in
	Session    SessionService    // who is signed in, as a server application sees it
	Agreements AgreementsService // what people are asked to accept
	Group      GroupService      // groups of people
	Import     ImportService     // bringing people over

	t *transport
}

// New makes a client of the server at a base URL, such as
// https://id.example.org, which may have a path of its own. The token is a
// service token of the pool, or a client token for Flow, Client and Poll alone.
// Nothing is sent yet, so nothing is known of the token yet either.
func New(baseURL, token string, options ...Option) (*AuthN, error) {
	base, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("authn: the base URL: %w", err)
	}
	if (base.Scheme != "https" && base.Scheme != "http") || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("authn: the base URL is not of the form https://host or https://host/path")
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("authn: the token is empty, or has characters that no token has")
	}
	t := &transport{
		base: base, token: token, http: &http.Client{Timeout: tryTime}, agent: userAgent,
		retries: defaultRetries, patience: defaultPatience,
	}
	for _, option := range options {
		if err := option(t); err != nil {
			return nil, err
		}
	}
	// A redirect would carry passwords in a body to wherever it points.
	t.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &AuthN{
		User: UserService{
			t: t, Profile: ProfileService{t}, Password: UserPasswordService{t}, Authenticators: AuthenticatorsService{t}, Invites: InvitesService{t},
			Group: UserGroupService{t},
		},
		Client:     ClientService{t: t, Token: TokenService{t}, Session: ClientSessionService{t}, Password: ClientPasswordService{t}},
		Flow:       FlowService{t},
		Session:    SessionService{t},
		Agreements: AgreementsService{t},
		Group:      GroupService{t: t, Users: GroupUsersService{t}},
		Import:     ImportService{t},
		t:          t,
	}, nil
}

// Option changes how a client made by [New] works.
type Option func(*transport) error

const (
	defaultRetries  = 3
	defaultPatience = 30 * time.Second
	// tryTime is how long one try may take with the client's own http.Client.
	tryTime   = time.Minute
	userAgent = "gatehouse-authn-go"
)

// WithHTTPClient lets another http.Client do the calls, with its transport,
// its time limit for one try and its cookies. A copy of it is used, which
// follows no redirects. The client's own limit is one minute for a try.
func WithHTTPClient(c *http.Client) Option {
	return func(t *transport) error {
		if c == nil {
			return errors.New("authn: WithHTTPClient wants an http.Client")
		}
		own := *c
		t.http = &own
		return nil
	}
}

// WithRetries sets how often a call is tried again after an answer of 500, 502,
// 503 or 504. It is 3 otherwise; 0 turns trying again off.
func WithRetries(n int) Option {
	return func(t *transport) error {
		if n < 0 {
			return errors.New("authn: WithRetries wants 0 or more")
		}
		t.retries = n
		return nil
	}
}

// WithPatience sets how long a call goes on asking after a request that the
// server has accepted and not done yet. It is 30 seconds otherwise; with 0 the
// call returns an error with [StatusAccepted] at once. See [AuthN.Poll].
func WithPatience(d time.Duration) Option {
	return func(t *transport) error {
		if d < 0 {
			return errors.New("authn: WithPatience wants 0 or more")
		}
		t.patience = d
		return nil
	}
}

// WithUserAgent adds the application's name and version, such as "shop/1.4",
// to the User-Agent header.
func WithUserAgent(name string) Option {
	return func(t *transport) error {
		if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
			return errors.New("authn: WithUserAgent wants printable ASCII")
		}
		t.agent = strings.TrimSpace(userAgent + " " + name)
		return nil
	}
}

type endUser struct{}

// WithEndUserAddress returns a context whose calls say on behalf of which
// address they are made: that of the person in front of the application. The
// server believes it from a service token only, and then counts wrong tries
// and writes its audit trail by it, in place of the application's own address.
func WithEndUserAddress(ctx context.Context, address netip.Addr) context.Context {
	return context.WithValue(ctx, endUser{}, address)
}
