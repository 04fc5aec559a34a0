package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

type workingKeyAnswer struct {
	Name     string    `json:"name"`
	MadeAt   time.Time `json:"made_at"`
	SealedBy string    `json:"sealed_by"` // first, older
	Purpose  string    `json:"purpose"`
	PepperID string    `json:"pepper_id,omitempty"`
	State    string    `json:"state,omitempty"`    // of a pepper: next, in use, older
	UsedFrom time.Time `json:"used_from,omitzero"` // of a pepper
	Hashes   *int64    `json:"hashes,omitempty"`   // of a pepper: how many passwords it verifies
}

// purposes is what each of a deployment's first keys is for.
func purposes() map[string]string {
	return map[string]string{
		"lookup": "finds tokens, codes and links",
		"derive": "computes the successors of tokens",
		"pepper": "is mixed into passwords",
		"seal":   "encrypts private keys and mails in line",
	}
}

// newWorkingKeyAnswers puts the keys together with the peppers that they are.
func newWorkingKeyAnswers(keys []store.WorkingKey, peppers *secret.Peppers) []workingKeyAnswer {
	all, inUse := peppers.All(), peppers.InUse(time.Now())
	at := slices.IndexFunc(all, func(p secret.Pepper) bool { return p.ID == inUse.ID })
	answers := []workingKeyAnswer{}
	for _, k := range keys {
		a := workingKeyAnswer{Name: k.Name, MadeAt: k.Made, SealedBy: "first", Purpose: purposes()[k.Name]}
		if k.Older {
			a.SealedBy = "older"
		}
		for i, p := range all {
			if p.Name != k.Name {
				continue
			}
			a.Purpose, a.PepperID, a.State, a.UsedFrom = purposes()["pepper"], p.ID, "older", p.UsedFrom()
			if i == 0 && p.Name == secret.PepperName {
				a.UsedFrom = p.Made
			}
			if i >= at {
				a.State = map[bool]string{true: "in use", false: "next"}[i == at]
			}
		}
		answers = append(answers, a)
	}
	return answers
}

func (c *console) workingKey() *cobra.Command {
	return c.group("working-key", "Manage the deployment's keys, which the master key seals.", "gatehouse working-key list",
		c.workingKeyList(), c.workingKeyReseal(), c.workingKeyRotatePepper(), c.workingKeyForgetPepper())
}

func (c *console) workingKeyList() *cobra.Command {
	return c.command("list", "List the deployment's keys, and how many passwords each pepper verifies.", "gatehouse working-key list",
		func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				keys, err := d.store.Across().WorkingKeys(ctx)
				if err != nil {
					return err
				}
				answers := newWorkingKeyAnswers(keys, d.store.Keys().Peppers())
				rows := [][]string{{"KEY", "MADE", "SEALED BY", "PURPOSE", "PEPPER", "STATE", "PASSWORDS"}}
				for i := range answers {
					a, hashes := &answers[i], "-"
					if a.PepperID != "" {
						n, err := d.store.Across().PepperUses(ctx, a.PepperID)
						if err != nil {
							return err
						}
						a.Hashes, hashes = &n, strconv.FormatInt(n, 10)
					}
					rows = append(rows, []string{a.Name, when(a.MadeAt), a.SealedBy, a.Purpose, dash(a.PepperID), dash(a.State), hashes})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (c *console) workingKeyReseal() *cobra.Command {
	return c.command("reseal", "Seal the deployment's keys with the first master key, so that older ones can be taken out.", "GATEHOUSE_MASTER_KEY=new,old gatehouse working-key reseal",
		func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				n, err := d.store.Across().Reseal(ctx)
				if err != nil {
					return err
				}
				return c.answer(map[string]any{"resealed": n}, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "resealed %d; the first master key opens all, and the others can go\n", n)
					return err
				})
			})
		})
}

func (c *console) workingKeyRotatePepper() *cobra.Command {
	return c.command("rotate-pepper", "Make the next pepper; passwords are hashed with it five minutes later.", "gatehouse working-key rotate-pepper",
		func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, err := d.store.Across().RotatePepper(ctx)
				if core.Is(err, core.CodeConflict) {
					return fail("`gatehouse working-key list` shows from when it is.", "%s", sentence(err))
				}
				if err != nil {
					return err
				}
				a := workingKeyAnswer{Name: p.Name, MadeAt: p.Made, SealedBy: "first", Purpose: purposes()["pepper"], PepperID: p.ID, State: "next", UsedFrom: p.UsedFrom()}
				return c.answer(a, func(w io.Writer) error {
					c.say("Passwords are hashed anew when their people sign in; `gatehouse working-key list` shows how many are left.")
					return pairs(w, [][2]string{{"key", a.Name}, {"pepper", a.PepperID}, {"used from", when(a.UsedFrom)}})
				})
			})
		})
}

func (c *console) workingKeyForgetPepper() *cobra.Command {
	return c.command("forget-pepper PEPPER", "Forget an older pepper that no password is hashed with any more.", "gatehouse working-key forget-pepper 3f9a01c2",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				err := d.store.Across().ForgetPepper(ctx, args[0])
				switch {
				case core.Is(err, core.CodeNotFound):
					return fail("`gatehouse working-key list` shows them.", "there is no pepper %q", args[0])
				case core.Is(err, core.CodeConflict):
					return fail("`gatehouse working-key list` shows how many passwords each pepper verifies.", "%s", sentence(err))
				case err != nil:
					return err
				}
				return c.answer(map[string]any{"pepper_id": args[0], "state": "forgotten"}, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, "forgot", args[0])
					return err
				})
			})
		})
}
