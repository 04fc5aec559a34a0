package store

import "sync"

// Memo remembers values read from the database, so that the busiest paths ask
// it nothing. What a value depends on is named with it, and a [Change] of one
// of those drops it. A value that was read while anything changed is used once
// and not remembered.
type Memo[V any] struct {
	feed *feed
	most int

	mu         sync.RWMutex
	values     map[string]remembered[V]
	dependents map[Change]map[string]struct{}
	epoch      uint64
}

type remembered[V any] struct {
	value V
	needs []Change
}

// NewMemo makes a memo of at most this many values. A full one forgets some
// at random.
func NewMemo[V any](s *Store, most int) *Memo[V] {
	m := &Memo[V]{feed: s.feed, most: most, values: make(map[string]remembered[V]), dependents: make(map[Change]map[string]struct{})}
	s.Watch(m.forget)
	return m
}

// Get returns the value of key, remembered or from load. load returns the
// value and what it depends on; a value that depends on nothing is not
// remembered.
func (m *Memo[V]) Get(key string, load func() (V, []Change, error)) (V, error) {
	if !m.feed.fresh() {
		value, _, err := load()
		return value, err
	}
	m.mu.RLock()
	r, ok := m.values[key]
	epoch := m.epoch
	m.mu.RUnlock()
	if ok {
		return r.value, nil
	}
	value, needs, err := load()
	if err == nil && len(needs) > 0 {
		m.keep(key, value, needs, epoch)
	}
	return value, err
}

// Len is how many values are remembered.
func (m *Memo[V]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.values)
}

func (m *Memo[V]) keep(key string, value V, needs []Change, epoch uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epoch != epoch {
		return
	}
	m.drop(key) // somebody else may have kept it meanwhile, with other needs
	for other := range m.values {
		if len(m.values) < m.most {
			break
		}
		m.drop(other)
	}
	m.values[key] = remembered[V]{value, needs}
	for _, c := range needs {
		if m.dependents[c] == nil {
			m.dependents[c] = make(map[string]struct{})
		}
		m.dependents[c][key] = struct{}{}
	}
}

func (m *Memo[V]) forget(c Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	if c == (Change{}) {
		clear(m.values)
		clear(m.dependents)
	}
	for key := range m.dependents[c] {
		m.drop(key)
	}
}

// drop takes one value and its dependencies out. The lock is held.
func (m *Memo[V]) drop(key string) {
	for _, c := range m.values[key].needs {
		delete(m.dependents[c], key)
		if len(m.dependents[c]) == 0 {
			delete(m.dependents, c)
		}
	}
	delete(m.values, key)
}

// Forget drops one value here, for what ends by time.
func (m *Memo[V]) Forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(key)
}
