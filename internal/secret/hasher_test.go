package secret_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

func TestSlotsAreBounded(t *testing.T) {
	h := secret.NewHasher(cheap(), pepper("p1"))
	most := int64(h.Slots())
	if want := max(1, runtime.GOMAXPROCS(0)-1); h.Slots() != want {
		t.Errorf("law: there is a slot for each core but one, and at least one: %d; there are %d", want, h.Slots())
	}
	var now, peak, served atomic.Int64
	var wait sync.WaitGroup
	for range most * 4 {
		wait.Go(func() {
			for range 20 {
				slot, err := h.Acquire(context.Background())
				if errors.Is(err, secret.ErrBusy) {
					continue
				}
				if err != nil {
					t.Errorf("acquiring a slot: %v", err)
					return
				}
				held := now.Add(1)
				for p := peak.Load(); held > p && !peak.CompareAndSwap(p, held); p = peak.Load() {
				}
				slot.Hash("password")
				served.Add(1)
				now.Add(-1)
				slot.Release()
			}
		})
	}
	wait.Wait()
	if peak.Load() > most {
		t.Errorf("law: no more than %d passwords are hashed at a time; %d were", most, peak.Load())
	}
	if served.Load() == 0 {
		t.Error("law: waiting for a slot leads to one; nobody got any")
	}
}

// TestFullQueueIsBusy runs on a clock of its own, so that no waiter gives up
// before all stand in the queue.
func TestFullQueueIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := secret.NewHasher(cheap(), pepper("p1"))
		n := h.Slots()
		slots := make([]*secret.Slot, n)
		for i := range slots {
			var err error
			if slots[i], err = h.Acquire(t.Context()); err != nil {
				t.Fatalf("law: an empty hasher gives all of its slots; number %d was refused: %v", i+1, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		outcomes := make(chan error, 4*n)
		for i := range 4 * n {
			waiting := t.Context()
			if i == 0 {
				waiting = ctx
			}
			go func() {
				slot, err := h.Acquire(waiting)
				if err == nil {
					defer slot.Release()
				}
				outcomes <- err
			}()
		}
		synctest.Wait()
		began := time.Now()
		if _, err := h.Acquire(t.Context()); !errors.Is(err, secret.ErrBusy) {
			t.Errorf("law: a full queue refuses with ErrBusy; got %v", err)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("law: a full queue refuses at once; it took %v", waited)
		}

		cancel()
		if err := <-outcomes; !errors.Is(err, context.Canceled) {
			t.Errorf("law: whoever gives up leaves the queue; got %v", err)
		}
		slots[0].Release()
		if err := <-outcomes; err != nil {
			t.Errorf("law: a slot that is given back goes to somebody in the queue; got %v", err)
		}
		// That one gave its slot back too, and so on to the end of the queue.
		for range 4*n - 2 {
			if err := <-outcomes; err != nil {
				t.Errorf("law: everybody in the queue has their turn; got %v", err)
			}
		}
		again, err := h.Acquire(t.Context())
		if err != nil {
			t.Fatalf("law: an empty queue lets one in; got %v", err)
		}
		began = time.Now()
		if _, err := h.Acquire(t.Context()); !errors.Is(err, secret.ErrBusy) || time.Since(began) != 500*time.Millisecond {
			t.Errorf("law: one waits half a second for a slot and is told ErrBusy; got %v after %v", err, time.Since(began))
		}
		again.Release()
		for _, slot := range slots[1:] {
			slot.Release()
		}
	})
}
