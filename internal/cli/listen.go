package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"

	"github.com/gatehouse-id/gatehouse/internal/config"
)

// listen opens both addresses before anything else is done, so that a port
// that is taken costs nothing.
func listen(ctx context.Context, l *config.Loaded) (public, admin net.Listener, err error) {
	if public, err = listenOn(ctx, l.Listen); err != nil {
		return nil, nil, err
	}
	address := l.AdminListen
	if address == "" {
		address = "127.0.0.1:" + strconv.Itoa(adminPort(l.Listen, public))
	}
	if admin, err = listenOn(ctx, address); err != nil {
		return nil, nil, closing(err, public)
	}
	return public, admin, nil
}

// listenOn listens on an address. The name localhost is both addresses of this
// machine, because programs differ in which of the two they try.
func listenOn(ctx context.Context, address string) (net.Listener, error) {
	var l net.Listener
	var err error
	if host, port, e := net.SplitHostPort(address); e == nil && host == "localhost" {
		l, err = listenHere(ctx, port)
	} else {
		var lc net.ListenConfig
		l, err = lc.Listen(ctx, "tcp", address)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return l, nil
}

// listenHere listens on the loopback addresses of IPv4 and of IPv6, or on the
// one of them that there is, on one port.
func listenHere(ctx context.Context, port string) (net.Listener, error) {
	const tries = 10 // where any port will do, one may be free on one address only
	for try := 1; ; try++ {
		var lc net.ListenConfig
		first, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", port))
		if isAbsent(err) {
			return lc.Listen(ctx, "tcp6", net.JoinHostPort("::1", port))
		}
		if err != nil {
			return nil, err
		}
		second, err := lc.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(portOf(first))))
		if err == nil {
			return join(first, second), nil
		}
		if isAbsent(err) {
			return first, nil
		}
		if err = closing(err, first); port != "0" || try == tries {
			return nil, err
		}
	}
}

// isAbsent reports whether this machine does not have the address, as opposed
// to somebody else having its port.
func isAbsent(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// joined is two listeners as one. Its address is the first one's.
type joined struct {
	net.Listener
	second   net.Listener
	accepted chan accepted
	closed   chan struct{}
	close    func() error
	running  sync.WaitGroup
}

type accepted struct {
	conn net.Conn
	err  error
}

func join(first, second net.Listener) *joined {
	j := &joined{Listener: first, second: second, accepted: make(chan accepted), closed: make(chan struct{})}
	j.close = sync.OnceValue(func() error {
		close(j.closed)
		err := errors.Join(first.Close(), second.Close())
		j.running.Wait()
		return err
	})
	for _, l := range []net.Listener{first, second} {
		j.running.Go(func() { j.take(l) })
	}
	return j
}

// take hands on what one of the two accepts, until it is closed.
func (j *joined) take(l net.Listener) {
	for {
		conn, err := l.Accept()
		select {
		case j.accepted <- accepted{conn, err}:
		case <-j.closed:
			if err == nil {
				_ = conn.Close() // nobody will answer it
			}
			return
		}
	}
}

// Accept implements [net.Listener].
func (j *joined) Accept() (net.Conn, error) {
	select {
	case a := <-j.accepted:
		return a.conn, a.err
	case <-j.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (j *joined) Close() error { return j.close() }

// adminPort is the port after the public one, or any if the public one was any.
func adminPort(asked string, public net.Listener) int {
	if _, port, err := net.SplitHostPort(asked); err == nil && port == "0" {
		return 0
	}
	return portOf(public) + 1
}

func portOf(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

func adminURL(admin net.Listener) string { return "http://" + admin.Addr().String() }
