package secret

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// ErrBusy is returned when every hashing slot is taken and the queue is full
// or too slow. The answer to a client is "try again in a second".
var ErrBusy = errors.New("all password hashing slots are taken")

// patience is how long one waits in the queue for a slot.
const patience = 500 * time.Millisecond

// Hasher bounds how many password hashes are computed at a time. One argon2id
// hash takes 19 MiB and tens of milliseconds of a core, so an unbounded number
// of them is a way to take the machine down. One core is left to whatever is
// not a password, which so keeps its pace, where there is more than one.
type Hasher struct {
	cost    Cost
	pepper  Pepper
	decoy   string
	slots   chan struct{}
	queued  atomic.Int64
	limit   int64
	checked atomic.Int64
}

// NewHasher makes a hasher with one slot for each core but one, at least with
// one, and a queue of four times as many.
func NewHasher(cost Cost, pepper Pepper) *Hasher {
	n := max(1, runtime.GOMAXPROCS(0)-1)
	return &Hasher{
		cost: cost, pepper: pepper,
		// What a password is compared with when there is nobody to compare
		// with: the same work, never a match.
		decoy: hashPassword(Random(), cost, pepper),
		slots: make(chan struct{}, n), limit: int64(4 * n),
	}
}

// Slots is how many passwords are hashed at a time at most.
func (h *Hasher) Slots() int { return cap(h.slots) }

// Slot is the right to hash, held until Release.
type Slot struct {
	hasher *Hasher
}

// Acquire waits for a slot, half a second at most. It returns [ErrBusy] at
// once when the queue is full.
func (h *Hasher) Acquire(ctx context.Context) (*Slot, error) {
	select {
	case h.slots <- struct{}{}:
		return &Slot{h}, nil
	default:
	}
	if h.queued.Add(1) > h.limit {
		h.queued.Add(-1)
		return nil, ErrBusy
	}
	defer h.queued.Add(-1)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return &Slot{h}, nil
	case <-timer.C:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Evaluated counts the comparisons made since the start.
func (h *Hasher) Evaluated() int64 { return h.checked.Load() }

// Release gives the slot back. It may be called once.
func (s *Slot) Release() { <-s.hasher.slots }

// Hash returns the PHC string of a password.
func (s *Slot) Hash(password Text) string {
	return hashPassword(password.Reveal(), s.hasher.cost, s.hasher.pepper)
}

// Verify compares a password with a PHC string. With an empty one it does the
// same work and answers false, so that a person who is not there costs as
// much time as one who is.
func (s *Slot) Verify(password Text, phc string) (bool, error) {
	s.hasher.checked.Add(1)
	nobody := phc == ""
	if nobody {
		phc = s.hasher.decoy
	}
	ok, err := verifyPassword(password.Reveal(), phc, s.hasher.pepper)
	return ok && !nobody, err
}
