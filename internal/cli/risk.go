package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// decisionAnswer is what the rules said in a request, as `risk show` writes it.
type decisionAnswer struct {
	ID        core.RiskDecisionID `json:"decision_id"`
	RequestID core.RequestID      `json:"request_id"`
	At        time.Time           `json:"at"`
	Outcome   core.RiskOutcome    `json:"outcome"`
	Rule      core.RiskRule       `json:"rule,omitempty"`
	Type      core.FlowType       `json:"type"`
	Flow      core.FlowID         `json:"flow_id"`
	User      core.UserID         `json:"user_id,omitempty"`
	Address   string              `json:"address,omitempty"`
	Findings  []core.RiskFinding  `json:"findings"`
	KeptUntil *time.Time          `json:"kept_until,omitempty"`
}

func newDecisionAnswer(d core.RiskDecision) decisionAnswer {
	a := decisionAnswer{d.ID, d.Request, d.CreatedAt, d.Outcome, d.Rule, d.Type, d.Flow, d.User, d.Address, d.Findings, nil}
	if !d.ExpiresAt.IsZero() {
		a.KeptUntil = &d.ExpiresAt
	}
	return a
}

// write writes the decision for people. Texts that may come from outside are
// quoted: this may be a terminal.
func (a decisionAnswer) write(w io.Writer) error {
	err := pairs(w, [][2]string{
		{"request", string(a.RequestID)}, {"at", when(a.At)}, {"outcome", string(a.Outcome)}, {"rule", string(a.Rule)}, {"type", string(a.Type)},
		{"flow", string(a.Flow)}, {"user", string(a.User)}, {"address", plain(a.Address)},
	})
	if err != nil {
		return err
	}
	rows := [][]string{{"RULE", "ACTION", "RESULT", "FROM"}}
	for _, f := range a.Findings {
		var from []string
		for _, name := range slices.Sorted(maps.Keys(f.Inputs)) {
			from = append(from, name+"="+plain(f.Inputs[name]))
		}
		if f.Reason != "" {
			from = append(from, f.Reason)
		}
		rows = append(rows, []string{string(f.Rule), string(f.Action), string(f.Result), strings.Join(from, " ")})
	}
	return table(w, rows)
}

func (c *console) risk() *cobra.Command {
	return c.group("risk", "Look at what the rules about where people come from decided.", "gatehouse risk show demo prq_...", c.riskShow())
}

func (c *console) riskShow() *cobra.Command {
	return c.command("show POOL REQUEST", "Show what the rules decided in a request, and from what. REQUEST is the id that an answer, the log and the audit trail name.", "gatehouse risk show demo prq_...",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				// Each face shows the id behind a prefix of its own, or behind none.
				id := core.RequestID("req_" + args[1][strings.LastIndex(args[1], "_")+1:])
				var found []core.RiskDecision
				err = d.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
					found, err = tx.RiskDecisions(id)
					return err
				})
				if err != nil {
					return err
				}
				if len(found) == 0 {
					return fail("`gatehouse audit tail "+p.Name+"` shows the requests of refusals; a pool decides nothing before a rule is set.", "the pool %s decided nothing in the request %q, or it is too long ago", p.Name, args[1])
				}
				answers := []decisionAnswer{}
				for _, one := range found {
					answers = append(answers, newDecisionAnswer(one))
				}
				return c.answer(answers, func(w io.Writer) error {
					for i, a := range answers {
						if i > 0 {
							if _, err := fmt.Fprintln(w); err != nil {
								return err
							}
						}
						if err := a.write(w); err != nil {
							return err
						}
					}
					return nil
				})
			})
		})
}
