package secret

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/text/unicode/norm"
)

// PepperLead is how old a pepper is before passwords are hashed with it. By
// then every node has read it, and verifies what another one has hashed.
const PepperLead = 5 * time.Minute

// PepperName is the name of a deployment's first pepper, see [Numbered].
const PepperName = "pepper"

// Pepper is a key mixed into passwords before hashing, kept outside of the
// table that holds the hashes (NIST SP 800-63B-4 section 3.1.1.2). A hash
// names the pepper that it was made with by its id, which tells nothing of the
// key.
type Pepper struct {
	Key  []byte
	ID   string
	Name string // of the working key
	Made time.Time
}

// UsedFrom is from when passwords are hashed with a pepper that others were
// there before. A deployment's first one is used at once.
func (p Pepper) UsedFrom() time.Time { return p.Made.Add(PepperLead) }

// ParsePeppers picks the peppers out of a deployment's keys, the oldest first.
// There is one at least.
func ParsePeppers(raw []RawKey) ([]Pepper, error) {
	var all []Pepper
	for _, r := range raw {
		if NumberOf(PepperName, r.Name) == 0 {
			continue
		}
		if err := r.whole(); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("pepper "), r.Key...))
		all = append(all, Pepper{Key: r.Key, ID: hex.EncodeToString(sum[:4]), Name: r.Name, Made: r.Made})
	}
	if len(all) == 0 {
		return nil, errors.New("there is no pepper")
	}
	slices.SortFunc(all, func(a, b Pepper) int { return cmp.Compare(NumberOf(PepperName, a.Name), NumberOf(PepperName, b.Name)) })
	return all, nil
}

// NextPepper is the name of the pepper that follows the newest of some.
func NextPepper(all []Pepper) string {
	return Numbered(PepperName, NumberOf(PepperName, all[len(all)-1].Name)+1)
}

// Peppers are the peppers of a deployment as one node knows them. They are
// safe for use by many goroutines.
type Peppers struct {
	all atomic.Pointer[[]Pepper] // the oldest first
}

// NewPeppers keeps peppers, the oldest first and one at least.
func NewPeppers(all ...Pepper) *Peppers {
	p := &Peppers{}
	p.Replace(all)
	return p
}

// Replace takes other peppers in place of those before, the oldest first and
// one at least.
func (p *Peppers) Replace(all []Pepper) {
	all = slices.Clone(all)
	p.all.Store(&all)
}

// All returns the peppers, the oldest first.
func (p *Peppers) All() []Pepper { return slices.Clone(*p.all.Load()) }

// InUse is the pepper for new hashes: the newest that every node knows by now.
func (p *Peppers) InUse(now time.Time) Pepper {
	all := *p.all.Load()
	for _, pepper := range slices.Backward(all) {
		if !now.Before(pepper.UsedFrom()) {
			return pepper
		}
	}
	return all[0]
}

// newer reports whether a PHC string was made with a newer pepper than this
// one.
func (p *Peppers) newer(phc string, than Pepper) bool {
	for _, pepper := range slices.Backward(*p.all.Load()) {
		if pepper.ID == than.ID {
			return false
		}
		if strings.Contains(phc, ",keyid="+pepper.ID+"$") {
			return true
		}
	}
	return false
}

// find returns the pepper with an id.
func (p *Peppers) find(id string) (Pepper, bool) {
	for _, pepper := range *p.all.Load() {
		if pepper.ID == id {
			return pepper, true
		}
	}
	return Pepper{}, false
}

// mix normalises to NFC, so that one password typed on two keyboards is one
// password, and keys it. Nothing is trimmed or cut.
func (p Pepper) mix(password string) []byte {
	h := hmac.New(sha256.New, p.Key)
	h.Write([]byte(norm.NFC.String(password)))
	return h.Sum(nil)
}
