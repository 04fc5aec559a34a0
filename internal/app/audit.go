package app

import (
	"context"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const (
	// sealEvery is how long an event waits for its place in the chain at most,
	// and sealRows how many are put there at a time.
	sealEvery = time.Second
	sealRows  = 500
	// countedEvery is how often refusals that were only counted are told.
	countedEvery = time.Minute
	// headsEvery is how often the log says where each chain ends, for whoever
	// keeps the log elsewhere, and how often old events are deleted.
	headsEvery = time.Hour
	// sealRest is how long the sealer rests after it could not.
	sealRest = 15 * time.Second
)

// seal keeps the audit trail: it chains new events, deletes old ones, tells of
// floods, and puts where the chains end into the log, out of reach of whoever
// can write to the database.
func (a *App) seal(ctx context.Context) {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	counted, heads := time.Now(), time.Time{}
	var clock steadyClock
	for {
		steady := clock.steady(a.Store.Clock())
		if err := a.sealAll(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("cannot chain the audit trail", "error", err)
			tick.Reset(sealRest)
		} else {
			tick.Reset(sealEvery)
		}
		if now := time.Now(); now.Sub(heads) >= headsEvery {
			heads = now
			if err := a.tendTrails(ctx, steady); err != nil && ctx.Err() == nil {
				a.log.Warn("cannot tend the audit trails", "error", err)
			}
		}
		if now := time.Now(); now.Sub(counted) >= countedEvery {
			counted = now
			a.tellCounted(ctx)
		}
		select {
		case <-ctx.Done():
			a.tellCounted(context.WithoutCancel(ctx))
			return
		case <-tick.C:
		}
	}
}

func (a *App) sealAll(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := a.Store.Across().Seal(ctx, sealRows)
		if n < sealRows { // an error may be about one pool alone
			return err
		}
	}
	return nil
}

func (a *App) tellCounted(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if err := a.Store.TellCounted(ctx); err != nil {
		a.log.Warn("cannot tell how many refusals were counted", "error", err)
	}
}

// tendTrails deletes what a pool keeps no longer, if the clock is steady, and
// logs the heads.
func (a *App) tendTrails(ctx context.Context, steady bool) error {
	pools, err := a.Store.Across().Pools(ctx)
	if err != nil {
		return err
	}
	for _, p := range pools {
		for keep := time.Duration(p.Settings.AuditRetention); steady && keep > 0 && ctx.Err() == nil; {
			n, err := a.Store.Across().TrimAudit(ctx, p.ID, a.Store.Clock().Add(-keep), sealRows)
			if err != nil {
				a.log.Warn("cannot delete old events", "pool", p.ID, "error", err)
			}
			if err != nil || n < sealRows {
				break
			}
		}
		head, err := a.Store.Across().AuditHead(ctx, p.ID)
		if core.Is(err, core.CodeNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		a.log.Info("the audit chain ends here", "pool", p.Name, "head", head.String())
	}
	return nil
}
