package deliver

import (
	"errors"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store"
)

// longestRest is how long a pool's sender is left alone at most after it
// failed.
const longestRest = 30 * time.Second

// rests knows which senders are busy or away, so that one that answers nothing
// holds up the messages of no other: those of a pool, and for logouts the
// applications. It is this worker's own experience; others make theirs.
type rests struct {
	share int  // messages of one lane that are sent at a time
	alone bool // whether a sender that failed is left alone for a while

	mu    sync.Mutex
	lanes map[store.Lane]*rest
}

// rest is what is known of one lane's sender.
type rest struct {
	busy     int // messages under way
	failures int // in a row
	until    time.Time
}

// resting lists the lanes whose messages are not to be claimed now: those that
// have as many under way as they may, and those whose sender failed a moment
// ago. After that it is tried with what is claimed next.
func (r *rests) resting(now time.Time) []store.Lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []store.Lane
	for lane, one := range r.lanes {
		if one.busy >= r.share || now.Before(one.until) || one.failures > 0 && one.busy > 0 {
			all = append(all, lane)
		}
	}
	return all
}

// begin notes that a message of a lane is under way.
func (r *rests) begin(lane store.Lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lanes[lane] == nil {
		r.lanes[lane] = new(rest)
	}
	r.lanes[lane].busy++
}

// end notes what came of it. A message that was sent or refused says that the
// sender answers; one that was given up for another reason says nothing.
func (r *rests) end(lane store.Lane, failure error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.lanes[lane]
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
		delete(r.lanes, lane)
	}
}
