package web

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// Connections is a listener that keeps only so many connections open: whoever
// comes when there are as many waits, in the system's queue, until one ends.
// Each takes memory, whether anything is asked over it or not.
type Connections struct {
	net.Listener
	free   chan struct{} // nil: no bound
	open   atomic.Int64
	full   func()
	closed chan struct{}
	close  func() error
}

// Bound puts a bound on a listener's connections; 0 is none. full is called
// when somebody has to wait, and must be quick.
func Bound(l net.Listener, most int, full func()) *Connections {
	c := &Connections{Listener: l, full: full, closed: make(chan struct{})}
	if most > 0 {
		c.free = make(chan struct{}, most)
	}
	c.close = sync.OnceValue(func() error {
		close(c.closed)
		return l.Close()
	})
	return c
}

// Open is how many connections there are.
func (c *Connections) Open() int64 { return c.open.Load() }

// Accept implements [net.Listener].
func (c *Connections) Accept() (net.Conn, error) {
	if err := c.take(); err != nil {
		return nil, err
	}
	conn, err := c.Listener.Accept()
	if err != nil {
		c.give()
		return nil, err
	}
	c.open.Add(1)
	return &connection{Conn: conn, end: sync.OnceFunc(func() { c.open.Add(-1); c.give() })}, nil
}

// take waits for room, so that a connection is only accepted where there is.
func (c *Connections) take() error {
	if c.free == nil {
		return nil
	}
	select {
	case c.free <- struct{}{}:
		return nil
	default:
	}
	c.full()
	select {
	case c.free <- struct{}{}:
		return nil
	case <-c.closed:
		return net.ErrClosed
	}
}

func (c *Connections) give() {
	if c.free != nil {
		<-c.free
	}
}

// Close implements [net.Listener].
func (c *Connections) Close() error {
	if err := c.close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// connection gives its room back when it is closed.
type connection struct {
	net.Conn
	end func()
}

// Close implements [net.Conn].
func (c *connection) Close() error {
	defer c.end()
	return c.Conn.Close()
}
