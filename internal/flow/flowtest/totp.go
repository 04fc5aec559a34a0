package flowtest

import (
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// slack is how much of a step must be left for a code of it to be tried in time.
const slack = 8 * time.Second

// TOTPCode is one of the two codes of a seed that are good now. Tests use the
// first (0), of the step before, to enrol, and the second (1), of this step, to
// come back. Where this step is about to end, the next one is waited for.
func TOTPCode(t testing.TB, seed secret.Text, nth int64) string {
	t.Helper()
	const step = 30 * time.Second
	if left := step - time.Duration(time.Now().UnixNano()%int64(step)); left < slack {
		time.Sleep(left)
	}
	code, err := secret.TOTPCode(seed, secret.TOTPStep(time.Now())-1+nth)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
