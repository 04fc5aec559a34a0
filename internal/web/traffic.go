package web

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Traffic counts what is asked of a server, by routes. The zero value counts
// from nothing; a nil one counts nothing. It is safe for use by many
// goroutines.
type Traffic struct {
	inFlight atomic.Int64
	panics   atomic.Int64

	mu     sync.Mutex
	routes []*Route
}

// Route is one line of a face's table, and what was asked of it. Faces name
// them when they are made, so that counting looks nothing up.
type Route struct {
	Face string
	Name string // as the table has it: never what a client sent

	classes [6]atomic.Int64 // by the first digit of the status; 0 for none
	faults  atomic.Int64
	buckets [bounds + 1]atomic.Int64
	nanos   atomic.Int64
}

// Counts are what a route has answered until now.
type Counts struct {
	Classes [6]int64 // requests, by the first digit of the status
	Faults  int64    // requests that failed by our own fault, whatever their status
	Within  [bounds]int64
	Took    time.Duration // by all requests together
}

const bounds = 13

// Total is the number of all requests.
func (c Counts) Total() int64 {
	var n int64
	for _, class := range c.Classes {
		n += class
	}
	return n
}

// Times are the upper bounds of [Counts.Within], in which each request stands
// under the first one that it took no longer than.
func Times() [bounds]time.Duration {
	const us, ms = time.Microsecond, time.Millisecond
	return [...]time.Duration{500 * us, ms, 2500 * us, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms, time.Second, 2500 * ms, 5 * time.Second}
}

// Route makes the route of a name, or returns the one that there is.
func (t *Traffic) Route(face, name string) *Route {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.routes {
		if r.Face == face && r.Name == name {
			return r
		}
	}
	r := &Route{Face: face, Name: name}
	t.routes = append(t.routes, r)
	return r
}

// Routes are all routes, in the order in which they were made.
func (t *Traffic) Routes() []*Route {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]*Route(nil), t.routes...)
}

// InFlight is how many requests are under way.
func (t *Traffic) InFlight() int64 { return t.inFlight.Load() }

// Panics is how many requests ended in a panic.
func (t *Traffic) Panics() int64 { return t.panics.Load() }

// Counts reads what was counted. Requests that end meanwhile may be in some of
// it.
func (r *Route) Counts() Counts {
	c := Counts{Faults: r.faults.Load(), Took: time.Duration(r.nanos.Load())}
	for i := range c.Classes {
		c.Classes[i] = r.classes[i].Load()
	}
	for i := range c.Within {
		c.Within[i] = r.buckets[i].Load()
	}
	return c
}

func (r *Route) count(status int, took time.Duration) {
	class := status / 100
	if class >= len(r.classes) {
		class = 0
	}
	r.classes[class].Add(1)
	slot := 0
	for _, most := range Times() {
		if took <= most {
			break
		}
		slot++
	}
	r.buckets[slot].Add(1)
	r.nanos.Add(int64(took))
}

// At says which route a request turned out to ask for. The last word counts.
func At(ctx context.Context, r *Route) {
	if c, ok := ctx.Value(requestKey{}).(*requestContext); ok && r != nil {
		c.route = r
	}
}
