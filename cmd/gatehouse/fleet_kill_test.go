package main_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestOneOfThreeIsKilled kills one server of three under load, with the signal
// that it cannot see coming. What it had acknowledged is there; only what it was
// doing is not answered; and the others go on.
func TestOneOfThreeIsKilled(t *testing.T) {
	binary := buildServer(t)
	f := newFleet(t, binary, storetest.Postgres(t), 3, quick()...)
	l := newLoad(t, f.killed)
	victim := f.nodes[1]
	own := f.balancer.of(victim)
	l.outage = func() bool { return true } // 502 is counted below; no server may say 503
	l.begin(4, 12)
	reach(t, "the load goes on", func() bool { return l.writes.Load() > 100 && l.entries.Load() > 20 })
	victim.kill(t)
	f.balancer.until(t, "a dead server gets no requests", func() bool { return !own.ready })
	writes, entries := l.writes.Load(), l.entries.Load()
	reach(t, "the others go on", func() bool { return l.writes.Load() > writes+100 && l.entries.Load() > entries+20 })
	back := f.join(t, binary)
	writes = l.writes.Load()
	reach(t, "a server that takes its place works", func() bool { return l.writes.Load() > writes+100 })
	l.end()

	l.report(t, "a server that dies is felt by nobody but whom it was serving")
	f.balancer.mu.Lock()
	cut := own.failed
	for _, other := range f.balancer.backends {
		if other != own && other.failed > 0 {
			t.Errorf("law: the servers that live answer everything; one did not answer %d", other.failed)
		}
		if other.server == back && other.had == 0 {
			t.Error("law: a new server gets its share; it had nothing")
		}
	}
	f.balancer.mu.Unlock()
	if len(l.refused) > 1 || l.refused[http.StatusBadGateway] != cut {
		t.Errorf("law: only what the dead server was doing is not answered, %d requests; refused by status: %v", cut, l.refused)
	}
	f.balancer.drop(victim)
	f.audit(t)
	l.counted(t)
	t.Logf("%d people, %d sign-ins and %d checks acknowledged, 0 lost; %d requests not answered, all by the server that was killed", len(f.acknowledged), l.entries.Load(), l.checks.Load(), cut)
}
