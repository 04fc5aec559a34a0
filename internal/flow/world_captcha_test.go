package flow_test

import (
	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// captcha brings the solution of a flow's challenge to it, or that of another
// flow's.
func (w *world) captcha() {
	f, p, caller := w.pick()
	from := f
	if w.focus == nil || rapid.IntRange(0, 9).Draw(w.r, "another's") == 0 {
		from = rapid.SampledFrom(w.flows).Draw(w.r, "from")
	}
	code := "none"
	if s, err := w.h.Flows.State(w.t.Context(), w.pools[from.pool].caller, from.id); err == nil && offered(s, core.ChoiceCaptcha) {
		code = flowtest.Solve(w.t, workOf(w.t, s))
	}
	want := w.gate(f, p, caller, core.ChoiceCaptcha)
	switch {
	case want != "":
	case from != f:
		want = core.CodeCaptchaRefused
	default:
		before := *f
		f.solved = true
		if f.how != "" {
			want = f.undo(before, f.create(p))
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceCaptcha, Code: code})
	w.agree("captcha", f, err, want)
}
