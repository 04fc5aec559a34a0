package cli

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestLocalhostIsBothAddresses asks over IPv4 and IPv6, as programs do that
// resolve the name in one order or the other.
func TestLocalhostIsBothAddresses(t *testing.T) {
	defer goleak.VerifyNone(t)
	probe, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6 loopback address: ", err)
	}
	defer probe.Close()
	l, err := listenOn(context.Background(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(portOf(l))
	for _, host := range []string{"127.0.0.1", "::1"} {
		caller, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatalf("law: localhost answers at %s; got %v", host, err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := conn.RemoteAddr().String(), caller.LocalAddr().String(); got != want {
			t.Errorf("law: who calls is who is accepted; got %s, want %s", got, want)
		}
		if err := errors.Join(conn.Close(), caller.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, address := range []string{"127.0.0.1:" + port, "[::1]:" + port, "localhost:" + port} {
		if other, err := listenOn(context.Background(), address); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("law: a port that is taken on one address is taken; %s gives %v, %v", address, other, err)
		}
	}
	// A connection that nobody accepts is closed with the listener.
	waiting, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Errorf("law: a listener closes without an error; got %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("law: a closed listener says so; got %v", err)
	}
	if _, err := waiting.Read(make([]byte, 1)); err == nil {
		t.Errorf("law: a connection that nobody accepted is closed; got %v", err)
	}
}

// A port that only the IPv6 address lacks must not lead callers to a stranger.
func TestLocalhostIsNotSharedWithAStranger(t *testing.T) {
	stranger, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6 loopback address: ", err)
	}
	defer stranger.Close()
	l, err := listenOn(context.Background(), "localhost:"+strconv.Itoa(portOf(stranger)))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("law: localhost is refused if one of its addresses is somebody else's; got %v, %v", l, err)
	}
}
