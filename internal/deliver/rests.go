package deliver

import (
	"errors"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// longestRest is how long a pool's sender is left alone at most after it
// failed.
const longestRest = 30 * time.Second

// rests knows which pools' senders are busy or away, so that one that answers
// nothing holds up the messages of no other pool. It is this worker's own
// experience; others make theirs.
type rests struct {
	share int  // messages of one pool that are sent at a time
	alone bool // whether a sender that failed is left alone for a while

	mu    sync.Mutex
	pools map[core.PoolID]*rest
}

// rest is what is known of one pool's sender.
type rest struct {
	busy     int // messages under way
	failures int // in a row
	until    time.Time
}

// resting lists the pools whose messages are not to be claimed now: those that
// have as many under way as they may, and those whose sender failed a moment
// ago. After that it is tried with what is claimed next.
func (r *rests) resting(now time.Time) []core.PoolID {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []core.PoolID
	for pool, one := range r.pools {
		if one.busy >= r.share || now.Before(one.until) || one.failures > 0 && one.busy > 0 {
			all = append(all, pool)
		}
	}
	return all
}

// begin notes that a message of a pool is under way.
func (r *rests) begin(pool core.PoolID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pools[pool] == nil {
		r.pools[pool] = new(rest)
	}
	r.pools[pool].busy++
}

// end notes what came of it. A message that was sent or refused says that the
// sender answers; one that was given up for another reason says nothing.
func (r *rests) end(pool core.PoolID, failure error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.pools[pool]
	one.busy--
	gone, isDropped := errors.AsType[dropped](failure)
	switch {
	case failure == nil || isDropped && gone.reason == DropRefused:
		one.failures, one.until = 0, time.Time{}
	case !isDropped && (r.alone || errors.Is(failure, errNoSender)):
		one.failures++
		one.until = now.Add(min(longestRest, time.Second<<min(one.failures-1, 5)))
	}
	if one.busy == 0 && one.failures == 0 {
		delete(r.pools, pool)
	}
}
