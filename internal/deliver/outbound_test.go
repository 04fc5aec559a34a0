package deliver_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/outbound"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// here makes a client that may call this machine.
func here(t *testing.T) *http.Client {
	t.Helper()
	allowed, err := outbound.ParseAllowed([]string{"127.0.0.1", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	return outbound.New(allowed)
}

// What a pool's settings name is not called inside of the server's own network,
// unless the operator allows it. The message waits until then.
func TestX16WebhooksStayOutside(t *testing.T) {
	st := storetest.New(t)
	hook := newStandIn(t, answers(204, ``))
	pool := texting(t, st, "demo", map[string]any{"sms.sender": "webhook", "sms.webhook_url": hook.URL}, map[core.SecretName]string{core.SecretWebhook: webhookSecret})
	queue(t, st, pool, aText(number))
	log := runTexts(t, st, deliver.TextOptions{Outbound: outbound.New(outbound.Allowed{})})
	eventually(t, func() bool { return strings.Contains(log.String(), outbound.ErrRefused.Error()) })
	if waiting, _ := waitingOf(t, st, pool); waiting != 1 || len(hook.requests()) != 0 {
		t.Errorf("law: a webhook inside is not called, and its message waits; %d wait and %d left", waiting, len(hook.requests()))
	}
}
