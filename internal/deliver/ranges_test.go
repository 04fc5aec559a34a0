package deliver_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/deliver"
)

// The request is the one that the range API documents. Five digits leave, and
// the answer comes as it is.
func TestB21RangesAreAskedForFiveDigits(t *testing.T) {
	const lines = "0018A45C4D1DEF81644B54AB7F969B88D65:21\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\r\n"
	service := newStandIn(t, answers(200, lines))
	got, err := deliver.NewRanges(service.URL, slog.New(slog.DiscardHandler)).Get(t.Context(), "21BD1")
	if err != nil || got != lines {
		t.Errorf("got %q, %v", got, err)
	}
	all := service.requests()
	if len(all) != 1 {
		t.Fatalf("there were %d requests", len(all))
	}
	r := all[0].r
	if r.Method != http.MethodGet || r.RequestURI != "/range/21BD1" || r.Header.Get("Add-Padding") != "true" || all[0].body != "" {
		t.Errorf("the request is %s %s with %v and %q", r.Method, r.RequestURI, r.Header, all[0].body)
	}
	for name := range r.Header {
		if name != "Add-Padding" && name != "User-Agent" && name != "Accept-Encoding" {
			t.Errorf("the request says more than it has to: %s is %q", name, r.Header.Get(name))
		}
	}
	if agent := r.Header.Get("User-Agent"); agent != "Gatehouse" {
		t.Errorf("the program is called %q", agent)
	}
}

// A service that is away, hangs, or says something else has not answered; the
// log says why, and not what was asked.
func TestRangesOfAServiceThatIsAway(t *testing.T) {
	other := newStandIn(t)
	away := newStandIn(t)
	away.Close()
	hang := make(chan struct{})
	hangs := newStandIn(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(hang) })
	for why, address := range map[string]string{
		"is away": away.URL, "hangs": hangs.URL,
		"has a fault": newStandIn(t, answers(500, "")).URL, "wants us to wait": newStandIn(t, answers(429, "")).URL, "does not know": newStandIn(t, answers(404, "")).URL,
		"never ends":  newStandIn(t, answers(200, strings.Repeat("0018A45C4D1DEF81644B54AB7F969B88D65:21\r\n", 30_000))).URL,
		"sends us on": newStandIn(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }).URL,
		"breaks off": newStandIn(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("0018A45C4D1DEF81644B54AB7F969B88D65:21\r\n"))
		}).URL,
		"is no address": "http://127.0.0.1:1/%zz",
	} {
		var log bytes.Buffer
		lines, err := deliver.NewRanges(address, slog.New(slog.NewTextHandler(&log, nil))).Get(t.Context(), "21BD1")
		if err == nil {
			t.Errorf("law: a service that %s has not answered; got %.40q", why, lines)
			continue
		}
		if strings.Contains(log.String()+err.Error(), "21BD1") || !strings.Contains(log.String(), "cannot ask whether a password is known from breaches") {
			t.Errorf("law: the log says that it was asked and not what; of one that %s: %s", why, log.String())
		}
	}
	if n := len(other.requests()); n != 0 {
		t.Errorf("law: no redirect is followed; %d were", n)
	}
}
