package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// checksPerSecond is how often a token is checked meanwhile. The load
	// shares the machine with the server.
	checksPerSecond = 200
	// times20 is how many times what can be served is asked for.
	times20 = 20
	// hashMemory is what one password hash takes, and slack what the rest may
	// take beside it.
	hashMemory, slack = 19 << 20, 100 << 20
	// recovery is how long after the end of it signing in may fail.
	recovery = 5 * time.Second
)

// overload asks for twenty times the sign-ins that a server can serve, while
// others check tokens (R14).
func overload(ctx context.Context, s *server, rounds int, stretch time.Duration) error {
	token, err := s.populate(ctx)
	if err != nil {
		return err
	}
	idleUse, err := s.uses()
	if err != nil {
		return err
	}
	fmt.Printf("idle: %d MB\n\n", idleUse.resident>>20)
	var faults []error
	for round := range rounds {
		idle := &times{}
		s.checking(ctx, token, stretch, idle)

		capacity, err := s.capacity(ctx, stretch/2)
		if err != nil {
			return err
		}
		o := &overloaded{server: s, flows: make(chan string, 100_000)}
		if err := o.prepare(ctx, int(4*capacity*stretch.Seconds())+20*people); err != nil {
			return err
		}
		time.Sleep(time.Second) // what was written is on the disk
		var wait sync.WaitGroup
		busy := &times{}
		ends, cancel := context.WithTimeout(ctx, stretch)
		wait.Go(func() { s.checking(ctx, token, stretch, busy) })
		wait.Go(func() { o.memory(ends) })
		paced(ends, times20*capacity, func(_ int, due time.Time) { o.signIn(ctx, due) })
		cancel()
		over := time.Now()
		wait.Wait()
		for {
			if err := s.once(ctx); err == nil {
				break
			} else if time.Since(over) > recovery {
				faults = append(faults, fmt.Errorf("signing in fails %s after the end of it: %w", recovery, err))
				break
			}
		}
		recovered := time.Since(over)
		goodput := float64(o.served.Load()) / stretch.Seconds()
		fmt.Printf("round %d: capacity %.1f sign-ins/s, asked for %.0f/s\n", round+1, capacity, times20*capacity)
		fmt.Printf("  token checks, idle:       %s\n", idle)
		fmt.Printf("  token checks, overloaded: %s; p99 %.2fx idle (aim 1.5x)\n", busy, float64(busy.part(990))/float64(idle.part(990)))
		fmt.Printf("  sign-ins served: %.1f/s, %.0f %% of capacity (aim 80 %%); %s\n", goodput, 100*goodput/capacity, &o.right)
		fmt.Printf("  refused: %s (aim 20 ms)\n", &o.refused)
		fmt.Printf("  memory at most %d MB; signing in again after %s (aim %s)\n", o.most>>20, short(recovered), recovery)
		if bound := idleUse.resident + int64(runtime.GOMAXPROCS(0))*hashMemory + slack; o.most > bound && !s.race {
			faults = append(faults, fmt.Errorf("the server took %d MB, and %d MB are its bound", o.most>>20, bound>>20))
		}
		for name, t := range map[string]*times{"token checks": busy, "idle token checks": idle, "sign-ins": &o.right, "refusals": &o.refused} {
			if t.faults > 0 {
				faults = append(faults, fmt.Errorf("%d %s failed: %w", t.faults, name, t.fault))
			}
		}
		if len(o.refused.all) == 0 {
			faults = append(faults, errors.New("nobody was refused: it was no overload"))
		}
	}
	return errors.Join(faults...)
}

// once signs somebody in, and does not come back.
func (s *server) once(ctx context.Context) error {
	flow, err := s.begin(ctx, person(0), "signin")
	if err != nil {
		return err
	}
	a, err := s.prove(ctx, flow)
	if err == nil && a.Status != "Success" {
		err = fmt.Errorf("the password is answered %d %s", a.status, a.Status)
	}
	return err
}

// checking checks a token again and again.
func (s *server) checking(ctx context.Context, token string, stretch time.Duration, into *times) {
	ends, cancel := context.WithTimeout(ctx, stretch)
	defer cancel()
	paced(ends, checksPerSecond, func(_ int, due time.Time) {
		err := s.check(ctx, token)
		into.add(time.Since(due), err)
	})
}

// capacity is how many sign-ins a second are served to as many clients as
// there are cores, and as many again.
func (s *server) capacity(ctx context.Context, stretch time.Duration) (float64, error) {
	o := &overloaded{server: s, flows: make(chan string, 100_000)}
	if err := o.prepare(ctx, int(100*stretch.Seconds())); err != nil {
		return 0, err
	}
	ends, cancel := context.WithTimeout(ctx, stretch)
	defer cancel()
	return closed(ends, 2*runtime.NumCPU(), func(int) error {
		o.signIn(ctx, time.Now())
		return errors.Join(o.right.fault, o.refused.fault)
	})
}

// overloaded is a crowd that comes with its flows begun: what is measured is
// the hash and what comes after.
type overloaded struct {
	*server
	flows          chan string
	served         atomic.Int64
	right, refused times
	most           int64 // bytes of memory
}

func (o *overloaded) prepare(ctx context.Context, n int) error {
	var next atomic.Int64
	ends, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err := closed(ends, 8, func(int) error {
		if next.Add(1) > int64(n) {
			cancel()
			return nil
		}
		flow, err := o.begin(ctx, person(int(next.Load())), "signin")
		if err == nil {
			o.flows <- flow
		}
		return err
	})
	return err
}

// signIn answers one flow. Whoever is refused comes again.
func (o *overloaded) signIn(ctx context.Context, due time.Time) {
	var flow string
	select {
	case flow = <-o.flows:
	default:
		o.right.add(0, errors.New("the crowd has no flows left"))
		return
	}
	a, err := o.prove(ctx, flow)
	took := time.Since(due)
	switch {
	case err != nil:
		o.right.add(took, err)
	case a.Status == "Success":
		if _, err = o.complete(ctx, flow); err == nil {
			o.served.Add(1)
		}
		o.right.add(took, err)
	case a.status != http.StatusServiceUnavailable || a.after == "":
		o.refused.add(took, fmt.Errorf("a refusal is 503 with Retry-After; it is %d %s with %q", a.status, a.Status, a.after))
	default:
		o.refused.add(took, nil)
		o.flows <- flow
	}
}

// memory watches how much the server takes.
func (o *overloaded) memory(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		if u, err := o.uses(); err == nil {
			o.most = max(o.most, u.resident)
		}
	}
}
