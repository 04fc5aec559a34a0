package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/trace"
)

const (
	// lease is for how long a worker has a message to itself: enough to send
	// it once and to write down what came of it.
	lease = 4 * sendTimeout
	// settleTime is the part of the lease that is kept for writing it down.
	settleTime = sendTimeout
	// lookEvery is how often the outbox is looked at without being called.
	lookEvery = time.Second
	// firstWait and longestWait bound the pause after a failed try; it doubles
	// from one to the other.
	firstWait   = time.Second
	longestWait = time.Hour
	// defaultParallel is how many mails are sent at a time.
	defaultParallel = 8
)

// Options say how a [Worker] works.
type Options struct {
	// FromAddress is the sender of mails of pools that set none.
	FromAddress string
	// FromName is the sender's name on mails of pools that set neither
	// mail.from_name nor display_name. Empty: the pool's name.
	FromName string
	// Parallel is how many mails are sent at a time; 0: 8.
	Parallel int
	// Log gets failures. Nil: slog.Default().
	Log *slog.Logger
	// Tracer begins a trace for each try of a mail. Nil: none does.
	Tracer *trace.Tracer
}

// Worker takes messages out of the outbox and sends them. Any number of them,
// on any number of nodes, may work on one database.
type Worker struct {
	store  *store.Store
	sender Sender
	o      Options
	counts counts
}

// NewWorker returns a worker, which does nothing until [Worker.Run].
func NewWorker(st *store.Store, sender Sender, o Options) *Worker {
	if o.Parallel <= 0 {
		o.Parallel = defaultParallel
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Worker{store: st, sender: sender, o: o}
}

// Run sends what is due until ctx ends, then finishes what is in hand and
// returns, at most a lease later. Whatever fails or panics is logged and tried
// again; Run itself never gives up.
func (w *Worker) Run(ctx context.Context) {
	var hands sync.WaitGroup
	defer hands.Wait()
	// Only as many messages are claimed as can be sent at once, so that no
	// lease runs out in a queue and a slow server holds up no more than it has.
	free := make(chan struct{}, w.o.Parallel)
	for range w.o.Parallel {
		free <- struct{}{}
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-free:
		}
		n := 1 + takeAll(free)
		until := time.Now().Add(lease)
		claimed := w.claim(ctx, n)
		for _, o := range claimed {
			hands.Go(func() {
				defer func() { free <- struct{}{} }()
				w.deliver(ctx, o, until)
			})
		}
		for range n - len(claimed) {
			free <- struct{}{}
		}
		if len(claimed) == n {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return
		case <-w.store.Mailed():
		case <-tick.C:
		}
	}
}

// takeAll takes what is there without waiting, and counts it.
func takeAll(free <-chan struct{}) int {
	for n := 0; ; n++ {
		select {
		case <-free:
		default:
			return n
		}
	}
}

func (w *Worker) claim(ctx context.Context, n int) []store.Outgoing {
	var claimed []store.Outgoing
	err := w.guarded(func() (err error) {
		claimed, err = w.store.Across().ClaimMessages(ctx, n, lease)
		return err
	})
	if err != nil && ctx.Err() == nil {
		w.o.Log.Warn("cannot read the outbox", "error", err)
	}
	return claimed
}

// deliver brings one message to an end, or puts it off. It is the root of a
// goroutine and never panics. It goes on after ctx has ended, until its lease.
func (w *Worker) deliver(ctx context.Context, o store.Outgoing, until time.Time) {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	log := w.o.Log.With("pool", string(o.Pool), "message", string(o.ID), "template", o.Template, "attempt", o.Attempts)
	ctx, span := w.o.Tracer.Start(ctx, trace.Works, "mail", "", "")
	defer span.End()
	span.Text("gatehouse.template", o.Template)
	failure := w.guarded(func() error { return w.try(ctx, o, until) })
	if _, isDropped := errors.AsType[dropped](failure); isDropped {
		span.Failed("dropped")
	} else if failure != nil {
		span.Failed("put_off")
	}
	w.counts.tried(failure)
	err := w.guarded(func() error { return w.settle(ctx, o, failure, log) })
	if err != nil {
		// The message is still in line, and due again after its lease.
		log.Error("cannot write down what came of a mail", "error", err)
	}
}

// try sends the message once. It returns a [dropped] if there is no use in
// another try.
func (w *Worker) try(ctx context.Context, o store.Outgoing, until time.Time) error {
	if o.Unreadable != nil {
		return dropped{DropUnreadable, o.Unreadable}
	}
	if err := w.late(o); err != nil {
		return err
	}
	pool, err := w.store.Across().Pool(ctx, o.Pool)
	if core.Is(err, core.CodeNotFound) {
		return dropped{DropNoPool, err}
	}
	if err != nil {
		return err
	}
	mail, err := w.compose(o, pool)
	if err != nil {
		return err
	}
	if err := w.late(o); err != nil { // once more: the database may have been slow
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, until.Add(-settleTime))
	defer cancel()
	ctx, span := trace.Begin(ctx, "mail.send")
	defer span.End()
	err = w.sender.Send(ctx, mail)
	if errors.Is(err, ErrRefused) {
		return dropped{DropRefused, err}
	}
	return err
}

// late drops a message whose time is over.
func (w *Worker) late(o store.Outgoing) error {
	switch {
	case w.store.Clock().Before(o.ExpiresAt):
		return nil
	case o.Attempts > 1:
		return dropped{DropGaveUp, errors.New("no try succeeded in time")}
	}
	return dropped{DropExpired, errors.New("its time was over before it could be sent")}
}

// compose writes the mail.
func (w *Worker) compose(o store.Outgoing, pool core.Pool) (Mail, error) {
	s := pool.Settings
	values := map[string]string{"email": o.To}
	maps.Copy(values, o.Values)
	values["app"] = cmp.Or(s.DisplayName, pool.Name)
	words, err := render(o.Template, s.MailTemplates[o.Template], values)
	switch {
	case errors.Is(err, errUnknownTemplate):
		return Mail{}, dropped{DropUnknownTemplate, err}
	case err != nil:
		return Mail{}, dropped{DropUnrenderable, err}
	}
	return Mail{
		ID:          o.ID,
		FromName:    cmp.Or(s.MailFromName, s.DisplayName, w.o.FromName, pool.Name),
		FromAddress: cmp.Or(s.MailFromAddress, w.o.FromAddress),
		To:          o.To,
		Subject:     words.Subject,
		Text:        words.Text,
		HTML:        words.HTML,
	}, nil
}

// settle writes down what came of a try: sent (failure is nil), given up, or
// to be tried again. It insists while the database is away, because a mail
// that was sent and not crossed off is sent twice.
func (w *Worker) settle(ctx context.Context, o store.Outgoing, failure error, log *slog.Logger) error {
	gone, isDropped := errors.AsType[dropped](failure)
	event := core.Event{Name: core.EventMailSent, Target: string(o.ID), Data: map[string]string{"attempts": strconv.Itoa(o.Attempts)}}
	if o.Template != "" {
		event.Data["template"] = o.Template
	}
	if isDropped {
		event.Name, event.Reason = core.EventMailDropped, string(gone.reason)
	}
	now := w.store.Clock()
	again := now.Add(pause(o.ID, o.Attempts, o.ExpiresAt.Sub(now)))
	switch {
	case isDropped:
		log.Warn("a mail was given up", "reason", string(gone.reason), "error", failure)
	case failure != nil:
		log.Warn("a mail could not be sent yet", "again_at", again, "error", failure)
	default:
		log.Debug("a mail was sent")
	}
	caller := core.Caller{Pool: o.Pool, Actor: core.Actor{Kind: core.ActorSystem, ID: "deliver"}}
	return insist(ctx, func() error {
		return w.store.As(caller).Update(ctx, func(tx *store.Tx) error {
			if failure != nil && !isDropped {
				return tx.PutOffMessage(o, again)
			}
			mine, err := tx.FinishMessage(o)
			if err != nil || !mine {
				return err // whoever has it now writes it down
			}
			return tx.Record(event)
		})
	})
}

// insist runs fn until it succeeds, fails for good, or ctx ends.
func insist(ctx context.Context, fn func() error) error {
	for {
		err := fn()
		if !core.Is(err, core.CodeUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// pause is how long a message waits after so many tries, of which there is at
// least one: longer each time, and short enough that one with this much time
// left gets another try before that is over. Messages that failed together
// are spread over the second half of it by their ids, which are random.
func pause(id core.MessageID, tries int, left time.Duration) time.Duration {
	wait := longestWait
	if tries <= 12 { // 2^12 s is more than an hour
		wait = min(longestWait, firstWait<<(tries-1))
	}
	wait = max(firstWait, min(wait, left/2))
	spread := fnv.New64a()
	fmt.Fprint(spread, id, tries)
	return wait - time.Duration(spread.Sum64()%uint64(wait/2))
}

// guarded turns a panic of fn into an error. What the panic says is left out
// unless the language itself says it, because it may hold a mail's words.
func (w *Worker) guarded(fn func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		w.counts.panics.Add(1)
		said := fmt.Sprintf("%T", v)
		if fault, ok := v.(runtime.Error); ok {
			said = fault.Error()
		}
		err = fmt.Errorf("panic: %s\n%s", said, debug.Stack())
	}()
	return fn()
}
