package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/web"
)

// drainTime is how long requests that are under way may take to finish when
// the server ends.
const drainTime = 30 * time.Second

// Serve answers applications and browsers on public, and probes on admin,
// until ctx ends. On public it speaks TLS if the configuration has a
// certificate, and takes as many connections at once as that says. Then it says
// that it is not ready, goes on for the configured delay so that balancers see
// that, takes no new connections, finishes the requests that are under way,
// within half a minute, ends the server's own work, and returns nil. It closes
// both listeners and the store, whatever it returns.
func (a *App) Serve(ctx context.Context, m Mode, public, admin net.Listener) error {
	err := a.serve(ctx, m, public, admin)
	return errors.Join(err, ignoreClosed(public.Close()), ignoreClosed(admin.Close()), a.Close())
}

func (a *App) serve(ctx context.Context, m Mode, public, admin net.Listener) error {
	handler, err := a.Handler(m)
	if err != nil {
		return err
	}
	var draining atomic.Bool
	probes := web.NewServer(a.probes(&draining), nil, a.log).Watched(a.traffic, nil)
	servers := []*http.Server{web.HTTP(parting(handler, &draining), a.limits, a.log), web.HTTP(probes, a.limits, a.log)}
	bound := web.Bound(public, a.config.MaxConnections, a.full)
	a.connections.Store(bound)
	if a.certificate != nil {
		servers[0].TLSConfig = a.certificate.TLS()
	}

	var running sync.WaitGroup
	defer running.Wait()
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	running.Go(func() { tendMemory(work) })
	running.Go(func() { a.Run(work) })

	failed := make(chan error, len(servers))
	for i, listener := range []net.Listener{bound, admin} {
		running.Go(func() {
			serve := servers[i].Serve
			if servers[i].TLSConfig != nil {
				serve = func(l net.Listener) error { return servers[i].ServeTLS(l, "", "") } // the files are in its configuration
			}
			if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("cannot go on answering on %s: %w", listener.Addr(), err)
			}
		})
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
		draining.Store(true)
		if delay := time.Duration(a.config.DrainDelay) * time.Second; delay > 0 {
			a.log.Info("stopping: not ready any more, answering for a while", "delay", delay)
			select {
			case err = <-failed:
			case <-time.After(delay):
			}
		}
		a.log.Info("stopping: no new connections, finishing what is under way")
	}
	draining.Store(true)
	// One after the other, so that probes are answered until the end.
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	for _, s := range servers {
		if e := s.Shutdown(drain); e != nil {
			a.log.Warn("requests were cut off", "error", e)
			err = errors.Join(err, s.Close())
		}
	}
	return err
}

// parting ends connections with the answer once the server is about to stop, so
// that none is closed at the moment when a request comes over it.
func parting(handler http.Handler, draining *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if draining.Load() {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
}

// full warns that somebody has to wait for a connection, once a minute at most.
func (a *App) full() {
	now := time.Now().UnixNano()
	if last := a.warnedFull.Load(); now-last > int64(time.Minute) && a.warnedFull.CompareAndSwap(last, now) {
		a.log.Warn("there are as many connections as there may be: others wait", "limit", a.config.MaxConnections, "setting", "max_connections")
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
