package app

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// cable is the way from a node to its database, which a test can cut.
type cable struct {
	listener net.Listener
	server   string

	mu     sync.Mutex
	turned *sync.Cond
	state  cableState
	ends   map[net.Conn]struct{}
}

// cableState is what a cable does to what is sent.
type cableState int

const (
	whole   cableState = iota // passes it on
	lagging                   // passes it on, after slowness
	silent                    // keeps it, and answers nothing
	broken                    // ends every connection at once
)

// slowness is by how much a lagging cable delays what is sent, each way.
const slowness = 100 * time.Millisecond

// newCable lays a cable to the server of a database URL, and returns it with
// the URL that leads through it.
func newCable(t *testing.T, database string) (*cable, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: listener, server: u.Host, ends: make(map[net.Conn]struct{})}
	c.turned = sync.NewCond(&c.mu)
	var running sync.WaitGroup
	running.Go(func() { c.accept(&running) })
	t.Cleanup(func() {
		_ = listener.Close() // it fails only for one that is closed already
		c.turn(broken)
		running.Wait()
	})
	u.Host = listener.Addr().String()
	return c, u.String()
}

// turn puts the cable into a state.
func (c *cable) turn(state cableState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = state
	if state == broken {
		for end := range c.ends {
			reset(end)
		}
	}
	c.turned.Broadcast()
}

// reset ends a connection with no good-bye (RFC 9293 section 3.10.5).
func reset(end net.Conn) {
	if tcp, ok := end.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it fails only for one that has ended
	}
	_ = end.Close()
}

func (c *cable) accept(running *sync.WaitGroup) {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.server)
		if err != nil {
			reset(near)
			continue
		}
		c.mu.Lock()
		c.ends[near], c.ends[far] = struct{}{}, struct{}{}
		if c.state == broken {
			reset(near)
			reset(far)
		}
		c.mu.Unlock()
		running.Go(func() { c.pass(near, far) })
		running.Go(func() { c.pass(far, near) })
	}
}

// pass passes on what comes from one end until either is closed.
func (c *cable) pass(from, to net.Conn) {
	defer func() {
		_, _ = from.Close(), to.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.ends, from)
		delete(c.ends, to)
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		c.mu.Lock()
		for c.state == silent {
			c.turned.Wait()
		}
		state := c.state
		c.mu.Unlock()
		if state == lagging {
			time.Sleep(slowness)
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			if err != nil && !errors.Is(err, io.EOF) {
				reset(to)
			}
			return
		}
	}
}
