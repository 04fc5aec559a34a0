package secret

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
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
	peppers *Peppers
	clock   func() time.Time // by which a pepper comes into use
	decoy   string
	mixed   *Peppers // what the decoy was made with
	slots   chan struct{}
	queued  atomic.Int64
	limit   int64
	checked atomic.Int64
	refused atomic.Int64
}

// NewHasher makes a hasher with one slot for each core but one, at least with
// one, and a queue of four times as many.
func NewHasher(cost Cost, peppers *Peppers) *Hasher {
	n := max(1, runtime.GOMAXPROCS(0)-1)
	own := Pepper{Key: randomKey(), ID: "decoy"} // outlives every pepper that may be forgotten
	return &Hasher{
		cost: cost, peppers: peppers, clock: time.Now,
		// What a password is compared with when there is nobody to compare
		// with: the same work, never a match.
		decoy: hashPassword(Random(), cost, own), mixed: NewPeppers(own),
		slots: make(chan struct{}, n), limit: int64(4 * n),
	}
}

// By makes the hasher go by another clock than this machine's. It belongs
// before the first hash.
func (h *Hasher) By(clock func() time.Time) *Hasher {
	h.clock = clock
	return h
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
		h.refused.Add(1)
		return nil, ErrBusy
	}
	defer h.queued.Add(-1)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return &Slot{h}, nil
	case <-timer.C:
		h.refused.Add(1)
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Evaluated counts the comparisons made since the start.
func (h *Hasher) Evaluated() int64 { return h.checked.Load() }

// Load is how busy a hasher is.
type Load struct {
	Slots   int
	InUse   int
	Waiting int64
	Refused int64 // since the start
}

// Load says how busy the hasher is.
func (h *Hasher) Load() Load {
	return Load{Slots: cap(h.slots), InUse: len(h.slots), Waiting: h.queued.Load(), Refused: h.refused.Load()}
}

// Release gives the slot back. It may be called once.
func (s *Slot) Release() { <-s.hasher.slots }

// Hash returns the PHC string of a password.
func (s *Slot) Hash(password Text) string {
	return hashPassword(password.Reveal(), s.hasher.cost, s.hasher.peppers.InUse(s.hasher.clock()))
}

// Verify compares a password with a stored hash: a PHC string of [Slot.Hash], or
// what [EncodeForeign] made of another program's. With an empty one it does the
// same work and answers false, so that a person who is not there costs as much
// time as one who is.
func (s *Slot) Verify(password Text, phc string) (bool, error) {
	s.hasher.checked.Add(1)
	if phc == "" {
		_, err := verifyPassword(password.Reveal(), s.hasher.decoy, s.hasher.mixed)
		return false, err
	}
	if h, ok := parseForeign(phc); ok {
		s.makeUp(h.work(password.Reveal()))
		return h.matches(password.Reveal())
	}
	return verifyPassword(password.Reveal(), phc, s.hasher.peppers)
}

// makeUp does what a comparison of this much work lacks of one with a hash that
// was made here: who has a cheap hash from elsewhere costs as much time as
// everybody. The rest is a part of the decoy, with less memory.
func (s *Slot) makeUp(work int64) {
	cost := s.hasher.cost
	own := int64(cost.Memory) * int64(cost.Passes) * argonNanos
	if work >= own {
		return
	}
	memory := int64(cost.Memory) * (own - work) / own
	argon2.IDKey(nil, make([]byte, 16), cost.Passes, uint32(memory), cost.Threads, keySize)
}

// Renew hashes a password anew that was right, if Hash would not make a PHC
// string like this one any more: there is a newer pepper, another cost is asked
// for, or another program made it. Otherwise it returns "", and so it does for a
// hash with a pepper that by this node's clock is not in use yet: another node
// was first.
func (s *Slot) Renew(password Text, phc string) string {
	pepper := s.hasher.peppers.InUse(s.hasher.clock())
	if strings.HasPrefix(phc, head(s.hasher.cost, pepper)) || s.hasher.peppers.newer(phc, pepper) {
		return ""
	}
	return s.Hash(password)
}
