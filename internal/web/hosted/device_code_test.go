package hosted_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// The pages for a device need no script, fill in what a link brings as text and
// no more of it than a code has room for, and take their own forms alone.
func TestDevicePages(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	for _, code := range []string{"BCDF-GHJK", `"><script>x</script>`, strings.Repeat("x", 1000), strings.Repeat("é", 40)} {
		p := b.get("/p/demo/device?user_code=" + url.QueryEscape(code))
		inputs := p.all("input")
		if p.status != http.StatusOK || len(inputs) != 1 || len(p.all("script")) > 0 || len(attribute(inputs[0], "value")) > 40 || !strings.Contains(p.header.Get("Content-Security-Policy"), "form-action 'self';") || len(p.cookies) > 0 {
			t.Errorf("law: a code is filled in and nothing else is done; for %q the page is %d %v %s", code, p.status, p.header, p.body)
		}
	}
	for name, fields := range map[string]url.Values{
		"another field": {"user_code": {"x"}, "other": {"x"}}, "another action": {"user_code": {"x"}, "action": {"answer"}},
	} {
		if p := b.post("/p/demo/device", fields); p.status != http.StatusBadRequest || strings.Contains(p.body, "Code") {
			t.Errorf("law: the form has %s; the page is %d %s", name, p.status, p.body)
		}
	}
	wrong := b.press(b.open("/p/demo/device"), "Continue", "user_code", "bcdfghjk")
	if wrong.status != http.StatusBadRequest || !strings.Contains(wrong.body, "No device waits with this code") || !strings.Contains(wrong.body, `aria-invalid="true"`) || attribute(wrong.all("input")[0], "value") != "BCDF-GHJK" {
		t.Errorf("a wrong code is %d %s", wrong.status, wrong.body)
	}
	if p := b.open("/p/demo/device?notice=late"); !strings.Contains(p.body, "waits no more") {
		t.Errorf("who is late reads %s", p.body)
	}
	if p := b.get("/p/demo/device/again?flow=" + string(core.NewFlowID())); p.status != http.StatusNotFound {
		t.Errorf("a flow that is none is %d", p.status)
	}
}
