package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/outbound"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// logoutShare is how many logouts one application is told of at a time, and
// logoutParallel how many all are.
const (
	logoutShare    = 2
	logoutParallel = 16
)

// LogoutOptions say what a worker for logouts tells, and how.
type LogoutOptions struct {
	Options
	// Token makes the logout token. It is asked again for each try.
	Token func(ctx context.Context, pool core.Pool, l core.Logout) (secret.Text, error)
	// Outbound calls the applications. Nil: public ones only.
	Outbound *http.Client
}

// NewLogoutWorker returns a worker that tells applications of logouts (OpenID
// Connect Back-Channel Logout 1.0), which does nothing until [Worker.Run].
func NewLogoutWorker(st *store.Store, o LogoutOptions) *Worker {
	if o.Parallel <= 0 {
		o.Parallel = logoutParallel
	}
	if o.Outbound == nil {
		o.Outbound = outbound.New(outbound.Allowed{})
	}
	return newWorker(st, logouts{st, o}, o.Options)
}

// logouts is the line of logouts.
type logouts struct {
	store *store.Store
	o     LogoutOptions
}

func (logouts) kind() kind {
	return kind{channel: core.ChannelLogout, noun: "a logout", span: "logout", sent: core.EventLogoutSent, dropped: core.EventLogoutDropped, share: logoutShare, alone: true}
}

func (l logouts) prepare(ctx context.Context, o store.Outgoing, pool core.Pool) (func(context.Context) error, error) {
	logout := core.LogoutOf(o.Message)
	var app core.Application
	err := l.store.As(core.Caller{Pool: pool.ID}).View(ctx, func(tx *store.Tx) (err error) {
		app, err = tx.Application(logout.Application)
		return err
	})
	if core.Is(err, core.CodeNotFound) {
		return nil, dropped{DropNoAddress, err}
	}
	if err != nil {
		return nil, err
	}
	address := app.Client.BackchannelLogout
	if address == "" {
		return nil, dropped{DropNoAddress, errors.New("the application has no address for it")}
	}
	token, err := l.o.Token(ctx, pool, logout)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return l.tell(ctx, address, token) }, nil
}

// tell posts the token (section 2.5) and reads the answer (section 2.8): 200 and
// 204 take it, and 400 says that it will never be taken. Whatever else comes may
// be the word of something that stands before the application.
func (l logouts) tell(ctx context.Context, address string, token secret.Text) error {
	form := url.Values{"logout_token": {token.Reveal()}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New("its address cannot be called") // the error has the address in it
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", "Gatehouse")
	status, _, err := post(l.o.Outbound, request)
	switch {
	case err != nil:
		return err
	case status == http.StatusOK || status == http.StatusNoContent:
		return nil
	case status == http.StatusBadRequest:
		return fmt.Errorf("%w: the application answered %d", ErrRefused, status)
	}
	return fmt.Errorf("the application answered %d", status)
}
