package deliver_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// Whatever makes one mail hopeless, it is dropped with its reason, it never
// leaves, and the mails around it do.
func TestHopelessMailsAreDroppedWithTheirReason(t *testing.T) {
	type world struct {
		st   *store.Store
		path string
		pool core.PoolID
	}
	// Each puts one hopeless message in line and returns its pool.
	cases := map[deliver.DropReason]func(t *testing.T, w world, m core.Message) core.PoolID{
		deliver.DropExpired: func(t *testing.T, w world, m core.Message) core.PoolID {
			m.ExpiresAt = time.Now()
			queue(t, w.st, w.pool, m)
			return w.pool
		},
		deliver.DropGaveUp: func(t *testing.T, w world, m core.Message) core.PoolID {
			m.ExpiresAt = time.Now().Add(time.Second)
			queue(t, w.st, w.pool, m)
			if _, err := w.st.Across().ClaimMessages(t.Context(), core.ChannelMail, 10, 2*time.Second); err != nil {
				t.Fatal(err)
			}
			return w.pool
		},
		deliver.DropRefused: func(t *testing.T, w world, m core.Message) core.PoolID {
			m.To = "ana@example.org\r\nBcc: x@example.net"
			queue(t, w.st, w.pool, m)
			return w.pool
		},
		deliver.DropUnknownTemplate: func(t *testing.T, w world, m core.Message) core.PoolID {
			m.Template = "no_such_mail"
			queue(t, w.st, w.pool, m)
			return w.pool
		},
		deliver.DropUnrenderable: func(t *testing.T, w world, m core.Message) core.PoolID {
			m.Values = nil
			queue(t, w.st, w.pool, m)
			return w.pool
		},
		deliver.DropUnreadable: func(t *testing.T, w world, m core.Message) core.PoolID {
			queue(t, w.st, w.pool, m)
			alter(t, w.path, m.ID, `sealed = x'00' || substr(sealed, 2) || x'00'`) // a failing disk
			return w.pool
		},
		deliver.DropNoPool: func(t *testing.T, w world, m core.Message) core.PoolID {
			gone := core.NewPoolID()
			queue(t, w.st, gone, m)
			return gone
		},
	}
	for _, line := range deliver.DropReasons() {
		if line.Reason == deliver.DropNoAddress && line.Meaning != "" {
			continue // of logouts alone: TestHopelessLogoutsAreDropped
		}
		t.Run(string(line.Reason), func(t *testing.T) {
			cause, ok := cases[line.Reason]
			if !ok || line.Meaning == "" {
				t.Fatalf("there is no case, or no meaning, for the reason %s", line.Reason)
			}
			synctest.Test(t, func(t *testing.T) {
				database := storetest.SQLite(t)
				w := world{st: storetest.Open(t, database), path: strings.TrimPrefix(database, "sqlite:")}
				w.pool = storetest.Pool(t, w.st, "demo", nil)
				hopeless := verify("hopeless@example.org")
				pool := cause(t, w, hopeless)
				queue(t, w.st, w.pool, verify("before@example.org"), verify("after@example.org"))
				s := newMoody(nil)
				var log bytes.Buffer
				stop := run(t, w.st, s, deliver.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
				time.Sleep(5 * time.Second)
				stop()
				if got := recipients(s.Inbox); !slices.Equal(got, []string{"after@example.org", "before@example.org"}) {
					t.Errorf("sent to %v", got)
				}
				if pool == w.pool {
					expectEnds(t, w.st, pool, "sent", "sent", string(line.Reason))
				} else {
					expectEnds(t, w.st, w.pool, "sent", "sent")
					expectEnds(t, w.st, pool, string(line.Reason))
				}
				if text := log.String(); !strings.Contains(text, string(hopeless.ID)) || strings.Contains(text, "CANARY") || strings.Contains(text, "@") {
					t.Errorf("the log lacks the message, or holds an address or a word of it:\n%s", text)
				}
			})
		})
	}
}
