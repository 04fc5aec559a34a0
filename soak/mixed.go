package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of PostgreSQL
)

const (
	// samples is how many there are at least, and sampleEvery how far apart
	// they are at most.
	samples     = 20
	sampleEvery = 30 * time.Second
)

// mixed gives a server half of what it can serve: people sign in, refresh
// their tokens, are asked whose tokens they have and sign out, an application
// creates people, lists them and deletes them (R18).
func mixed(ctx context.Context, s *server, stretch time.Duration) error {
	if _, err := s.populate(ctx); err != nil {
		return err
	}
	m := &mixture{server: s}
	m.checks.Store(&times{})
	whole, cancel := context.WithTimeout(ctx, 10*time.Second)
	capacity, err := closed(whole, 2*runtime.NumCPU(), func(int) error { return m.round(ctx) })
	cancel()
	if err != nil {
		return err
	}
	fmt.Printf("capacity %.1f rounds/s, half of it for %s\n\n", capacity, stretch)
	fmt.Println("| after | memory | files | threads | database | p99 of token checks |\n|---|---|---|---|---|---|")
	whole, cancel = context.WithTimeout(ctx, stretch)
	defer cancel()
	var rounds times
	var busy atomic.Int64
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() {
		paced(whole, capacity/2, func(_ int, due time.Time) {
			err := m.round(ctx)
			if errors.Is(err, errBusy) {
				busy.Add(1)
				return
			}
			rounds.add(time.Since(due), err)
		})
	})
	tick := time.NewTicker(min(sampleEvery, stretch/samples))
	defer tick.Stop()
	started := time.Now()
	var all []sample
	for {
		select {
		case <-whole.Done():
			running.Wait()
			fmt.Printf("\nrounds: %s, %d given up because the machine was too busy\n", &rounds, busy.Load())
			if rounds.faults > 0 {
				err = fmt.Errorf("%d rounds failed: %w", rounds.faults, rounds.fault)
			}
			return errors.Join(err, ctx.Err(), judge(all))
		case <-tick.C:
		}
		one, err := m.sample(ctx)
		if err != nil {
			cancel()
			return err
		}
		one.at = time.Since(started)
		all = append(all, one)
		fmt.Printf("| %s | %.1f MB | %d | %d | %.1f MB | %s |\n", one.at.Round(time.Second), mega(one.resident), one.files, one.threads, mega(one.database), short(one.p99))
	}
}

func mega(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// mixture is the load, and the times of its token checks since the last sample.
type mixture struct {
	*server
	next   atomic.Int64
	checks atomic.Pointer[times]
}

// checksOfRound is how many token checks there are in a round.
const checksOfRound = 10

// round is what one person and one application do.
func (m *mixture) round(ctx context.Context) error {
	n := int(m.next.Add(1))
	t, err := m.sign(ctx, person(n), "signin")
	if err != nil {
		return err
	}
	for range checksOfRound {
		began := time.Now()
		if err := m.check(ctx, t.Access.Token); err != nil {
			return err
		}
		m.checks.Load().add(time.Since(began), nil)
	}
	result, err := m.call(ctx, "/v2/client/session/refresh", map[string]any{"refresh_token": t.Refresh.Token})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(result, &t); err != nil {
		return err
	}
	passing := fmt.Sprintf("passing%d@example.org", n)
	for _, request := range []struct {
		path string
		body map[string]any
	}{
		{"/v2/client/session/logout", map[string]any{"token": t.Access.Token}},
		{"/v2/user/create", map[string]any{"email": passing, "profile": map[string]string{"first_name": "Joe"}}},
		{"/v2/user/list", map[string]any{"size": 20}},
		{"/v2/user/delete", map[string]any{"email": passing}},
	} {
		if _, err := m.call(ctx, request.path, request.body); err != nil {
			return err
		}
	}
	return nil
}

// sample is a server at a time.
type sample struct {
	use
	at, p99  time.Duration
	database int64 // bytes
}

func (m *mixture) sample(ctx context.Context) (sample, error) {
	u, err := m.uses()
	if err != nil {
		return sample{}, err
	}
	one := sample{use: u, p99: m.checks.Swap(&times{}).part(990)}
	path, isSQLite := strings.CutPrefix(m.server.database, "sqlite:")
	if !isSQLite {
		db, err := sql.Open("pgx", m.server.database)
		if err != nil {
			return one, err
		}
		defer db.Close()
		return one, db.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&one.database)
	}
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			return one, err
		}
		one.database += info.Size()
	}
	return one, nil
}
