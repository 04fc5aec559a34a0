package deliver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// A mail server is sick for two hours, in each of the ways in which it can be,
// while a mail a minute is put in line. Once it is well, every mail whose time
// is not over is delivered, once, and no other is: a code that came late would
// only confuse. Which of two mails to one person is delivered first is not
// promised, because each waits for its own next try.
func TestR8TwoHoursWithoutMail(t *testing.T) {
	for name, sick := range map[string]func(ctx context.Context) error{
		"down":   func(context.Context) error { return errors.New("connection refused") },
		"4xx":    func(context.Context) error { return errors.New("the mail server answered 451 at DATA") },
		"resets": func(context.Context) error { return io.ErrUnexpectedEOF },
		"hangs": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"answers after half a minute": func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(30 * time.Second):
				return errors.New("the mail server answered 421 at MAIL")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := storetest.New(t)
				pool := storetest.Pool(t, st, "demo", nil)
				well := time.Now().Add(2*time.Hour + 30*time.Second) // after the last is put in line
				s := newMoody(func(ctx context.Context, _ int, _ deliver.Mail) error {
					if time.Now().Before(well) {
						return sick(ctx)
					}
					return nil
				})
				run(t, st, s, deliver.Options{})
				var late, good []string
				for i := range 120 {
					m := verify(fmt.Sprintf("late%d@example.org", i))
					m.ExpiresAt = time.Now().Add(10 * time.Minute)
					if i%2 == 0 {
						m.To, m.ExpiresAt = fmt.Sprintf("good%d@example.org", i), time.Now().Add(24*time.Hour)
						good = append(good, m.To)
					} else if m.ExpiresAt.Before(well) {
						late = append(late, m.To)
					}
					queue(t, st, pool, m)
					time.Sleep(time.Minute)
				}
				if got := recipients(s.Inbox); len(got) != 0 {
					t.Errorf("delivered by a server that is sick: %v", got)
				}
				time.Sleep(2 * time.Hour) // the longest pause, and some
				synctest.Wait()
				got := recipients(s.Inbox)
				for _, to := range good {
					if n := count(got, to); n != 1 {
						t.Errorf("law: a mail that waited is delivered once; %s has %d", to, n)
					}
				}
				for _, to := range late {
					if count(got, to) != 0 {
						t.Errorf("law: a mail whose time is over is dropped; %s got it", to)
					}
				}
				if waiting, ends := outcome(t, st, pool); waiting != 0 || len(ends) != 120 {
					t.Errorf("law: every mail comes to an end; %d wait and %d ended", waiting, len(ends))
				}
			})
		})
	}
}

func count(all []string, one string) int {
	n := 0
	for _, other := range all {
		if other == one {
			n++
		}
	}
	return n
}

// stages are the places in an SMTP session (RFC 5321) at which a server hangs
// up: after so much it has said, or in the midst of the mail.
func stages() []string {
	return []string{"connected", "EHLO", "MAIL", "RCPT", "DATA", "in the mail", "after the mail"}
}

// rude is a mail server that hangs up at a stage, and takes what it is sent at
// none.
type rude struct {
	mu    sync.Mutex
	stage string
	got   []string // the Message-ID of each mail that arrived whole
}

func (r *rude) serve(conn net.Conn) {
	defer conn.Close()
	r.mu.Lock()
	stage := r.stage
	r.mu.Unlock()
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") } // whoever has gone is seen by the scanner
	if stage == "connected" {
		return
	}
	lines := bufio.NewScanner(conn)
	say("220 rude.example.org")
	for lines.Scan() {
		verb := strings.ToUpper(lines.Text()[:min(4, len(lines.Text()))])
		if verb == stage {
			return
		}
		switch verb {
		case "DATA":
			say("354 Go on")
			id := ""
			for lines.Scan() && lines.Text() != "." {
				if stage == "in the mail" && lines.Text() == "" {
					reset(conn)
					return
				}
				if after, ok := strings.CutPrefix(lines.Text(), "Message-ID: "); ok {
					id = after
				}
			}
			r.mu.Lock()
			r.got = append(r.got, id)
			r.mu.Unlock()
			if stage == "after the mail" {
				return
			}
			say("250 OK")
		case "QUIT":
			say("221 Bye")
			return
		default:
			say("250 OK")
		}
	}
}

// reset ends a connection with RST in place of FIN.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then it ends more politely
	}
}

// Wherever in a session a mail server hangs up, the mail is tried again, and
// nothing of it has arrived: but after the last line nobody can know (RFC 5321
// section 4.5.3.2.6), and a mail that is sent twice then has one Message-ID.
func TestR8HangingUpAnywhere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rude{}
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			talks.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		talks.Wait()
	})
	smtp, err := deliver.NewSMTP(secret.Text("smtp://" + listener.Addr().String() + "?tls=none"))
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range stages() {
		mail := aMail("ana@example.org")
		mail.ID = core.NewMessageID()
		r.mu.Lock()
		r.stage, r.got = stage, nil
		r.mu.Unlock()
		if err := smtp.Send(t.Context(), mail); err == nil || errors.Is(err, deliver.ErrRefused) {
			t.Errorf("law: a server that hangs up has not taken the mail, and not refused it either; %q gives %v", stage, err)
		}
		r.mu.Lock()
		r.stage = ""
		r.mu.Unlock()
		if err := smtp.Send(t.Context(), mail); err != nil {
			t.Errorf("law: the next try succeeds; after %q it gives %v", stage, err)
		}
		want := 1
		if stage == "after the mail" {
			want = 2
		}
		r.mu.Lock()
		if len(r.got) != want || len(slices.Compact(slices.Clone(r.got))) != 1 || !strings.Contains(r.got[0], string(mail.ID)) {
			t.Errorf("law: a mail arrives once, or bears one Message-ID; with %q %v arrived", stage, r.got)
		}
		r.mu.Unlock()
	}
}
