package directory

import (
	"hash/maphash"
	"maps"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// seenKeys is who would have been stored so far: their e-mail addresses,
// usernames and ids, as numbers of which two are the same by a chance of one in
// many millions.
type seenKeys struct {
	seed maphash.Seed
	ids  bool // people bring theirs along
	all  map[uint64]struct{}
	step map[uint64]struct{} // of the step under way, which may run twice
}

func newSeenKeys(d *drafter) *seenKeys {
	_, ids := d.places[core.MappedColumn{Field: core.ImportUserID}]
	return &seenKeys{seed: maphash.MakeSeed(), ids: ids, all: make(map[uint64]struct{}), step: make(map[uint64]struct{})}
}

// begin begins a step, or begins it anew.
func (s *seenKeys) begin() { clear(s.step) }

// settle keeps what the step has seen.
func (s *seenKeys) settle() {
	maps.Copy(s.all, s.step)
	clear(s.step)
}

// see returns which field of a person somebody before has had, or "" and
// remembers them.
func (s *seenKeys) see(n store.Newcomer) string {
	type key struct{ field, value string }
	keys := []key{{"email", n.EmailKey}}
	if n.UsernameKey != n.EmailKey { // else it is nobody's who has another address
		keys = append(keys, key{"username", n.UsernameKey})
	}
	if s.ids {
		keys = append(keys, key{"id", string(n.User.ID)})
	}
	hashes := make([]uint64, 0, len(keys))
	for _, k := range keys {
		hash := maphash.Comparable(s.seed, k)
		_, before := s.all[hash]
		if _, now := s.step[hash]; before || now {
			return k.field
		}
		hashes = append(hashes, hash)
	}
	for _, hash := range hashes {
		s.step[hash] = struct{}{}
	}
	return ""
}
