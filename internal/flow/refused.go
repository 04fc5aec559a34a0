package flow

import (
	"context"
	"errors"
	"maps"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// refused leaves a refusal in the audit trail and returns its reason. What the
// server could not do is no refusal; a refused password is recorded where it
// was compared, and a budget where it was used up.
func (m *Machine) refused(ctx context.Context, caller core.Caller, id core.FlowID, choice core.ChoiceName, reason error) error {
	code := core.CodeOf(reason)
	switch code {
	case core.CodeInternal, core.CodeUnavailable, core.CodeBusy, core.CodeWrongCredentials, core.CodeLocked, core.CodeTooMany:
		return reason
	default:
	}
	err := m.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		known, err := tx.FlowKnown(id)
		if err != nil || !known {
			return err
		}
		data := map[string]string{"choice": string(choice)}
		judged, err := keepJudgement(tx, reason)
		if err != nil {
			return err
		}
		maps.Copy(data, judged)
		return tx.Record(core.Event{Name: core.EventFlowRefused, Target: string(id), Reason: string(code), Data: data})
	})
	if err != nil {
		return errors.Join(reason, err)
	}
	return reason
}
