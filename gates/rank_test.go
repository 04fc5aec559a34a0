package gates_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/gates"
)

func TestAUC(t *testing.T) {
	ms := func(list ...int) []time.Duration {
		var out []time.Duration
		for _, n := range list {
			out = append(out, time.Duration(n)*time.Millisecond)
		}
		return out
	}
	for _, c := range []struct {
		a, b []time.Duration
		want float64
	}{
		{ms(1, 2, 3), ms(1, 2, 3), 0.5},
		{ms(1, 2), ms(3, 4), 1},
		{ms(3, 4), ms(1, 2), 0},
		{ms(5, 5, 5), ms(5, 5), 0.5},
		{ms(1, 3), ms(2), 0.5},
	} {
		if got := gates.AUC(c.a, c.b); got != c.want {
			t.Errorf("law: the rank of %v over %v is %g; it came out as %g", c.b, c.a, c.want, got)
		}
	}
}

// TestAUCSeesABias draws times as a password takes them and lets one class wait
// a little longer.
func TestAUCSeesABias(t *testing.T) {
	draw := func(bias time.Duration) []time.Duration {
		out := make([]time.Duration, 2000)
		for i := range out {
			out[i] = 52*time.Millisecond + bias + time.Duration(rand.NormFloat64()*float64(3*time.Millisecond))
		}
		return out
	}
	base := draw(0)
	if auc := gates.AUC(base, draw(0)); auc < 0.45 || auc > 0.55 {
		t.Errorf("law: classes that are alike are not told apart; the rank is %.3f", auc)
	}
	if auc := gates.AUC(base, draw(time.Millisecond)); auc < 0.55 {
		t.Errorf("law: a millisecond in 52 is seen through a jitter of three; the rank is %.3f", auc)
	}
}

func TestMeans(t *testing.T) {
	means := gates.Means([]time.Duration{1, 3, 10, 20, 7}, 2)
	if len(means) != 3 || means[0] != 2 || means[1] != 15 || means[2] != 7 {
		t.Errorf("law: means are those of as many as were asked for; they came out as %v", means)
	}
}
