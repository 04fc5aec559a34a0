package store

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// floodLimit is how many refusals of a pool this node writes down one by one
// in an hour. More than that is somebody who tries things by the thousand:
// they are counted, and one event tells how many there were. So nobody can
// fill the disk, or hide a line among millions.
const floodLimit = 10_000

// flood counts refusals, by pool and hour.
type flood struct {
	mu    sync.Mutex
	pools map[core.PoolID]*refusals
}

type refusals struct {
	hour    time.Time
	written int
	counted map[core.EventName]int64
}

func newFlood() *flood { return &flood{pools: make(map[core.PoolID]*refusals)} }

// over reports whether the pool's refusals are only counted for now.
func (f *flood) over(pool core.PoolID, at time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.pools[pool]
	return r != nil && r.hour.Equal(at.Truncate(time.Hour)) && r.written >= floodLimit
}

// committed counts what a transaction wrote down, and what it did not.
func (f *flood) committed(tx *Tx) {
	if tx.refusals == 0 && len(tx.untold) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.pools[tx.pool]
	if r == nil {
		r = &refusals{counted: make(map[core.EventName]int64)}
		f.pools[tx.pool] = r
	}
	if hour := tx.now.Truncate(time.Hour); !r.hour.Equal(hour) {
		r.hour, r.written = hour, 0
	}
	r.written += tx.refusals
	for _, name := range tx.untold {
		r.counted[name]++
	}
}

// TellCounted writes down how many refusals were only counted since it was
// last called, in one event for each pool.
func (s *Store) TellCounted(ctx context.Context) error {
	s.flood.mu.Lock()
	taken := make(map[core.PoolID]map[core.EventName]int64)
	for pool, r := range s.flood.pools {
		if len(r.counted) > 0 {
			taken[pool], r.counted = r.counted, make(map[core.EventName]int64)
		}
	}
	s.flood.mu.Unlock()
	for pool, counted := range taken {
		data := make(map[string]string)
		for name, n := range counted {
			data[string(name)] = strconv.FormatInt(n, 10)
		}
		caller := core.Caller{Pool: pool, Actor: core.Actor{Kind: core.ActorSystem}, Request: core.NewRequestID()}
		err := s.As(caller).Update(ctx, func(tx *Tx) error {
			return tx.Record(core.Event{Name: core.EventRefusalsCounted, Target: string(pool), Data: data})
		})
		if err != nil {
			s.flood.putBack(taken)
			return err
		}
		delete(taken, pool)
	}
	return nil
}

func (f *flood) putBack(taken map[core.PoolID]map[core.EventName]int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for pool, counted := range taken {
		for name, n := range counted {
			f.pools[pool].counted[name] += n
		}
	}
}
