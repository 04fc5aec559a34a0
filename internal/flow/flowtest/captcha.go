package flowtest

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	altcha "github.com/altcha-org/altcha-lib-go"

	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// Solve does what a browser does with a proof of work, and returns the answer.
func Solve(t testing.TB, w flow.Work) string {
	t.Helper()
	found, err := altcha.SolveChallenge(w.Challenge, w.Salt, altcha.Algorithm(w.Algorithm), int(w.MaxNumber), 0, nil)
	if err != nil || found == nil {
		t.Fatalf("%+v has no solution: %v", w, err)
	}
	return Encode(t, altcha.Payload{Algorithm: w.Algorithm, Challenge: w.Challenge, Number: int64(found.Number), Salt: w.Salt, Signature: w.Signature})
}

// Encode writes an answer as ALTCHA's widgets do.
func Encode(t testing.TB, p altcha.Payload) string {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}
