package deliver

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/outbound"
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
	// unsentWait is how long at most a message waits that nothing is there to
	// send by: not for its tries, of which there was none.
	unsentWait = 30 * time.Second
)

// errNoSender is wrapped by the error for a message that nothing is there to
// send by. It waits until there is.
var errNoSender = errors.New("there is nothing to send it by")

// Options say how a [Worker] works.
type Options struct {
	// FromAddress is the sender of mails of pools that set none.
	FromAddress string
	// FromName is the sender's name on mails of pools that set neither
	// mail.from_name nor display_name. Empty: the pool's name.
	FromName string
	// Parallel is how many messages are sent at a time; 0: 16.
	Parallel int
	// Dial reaches the mail servers that pools name. Nil: public ones only.
	Dial Dial
	// Log gets failures. Nil: slog.Default().
	Log *slog.Logger
	// Tracer begins a trace for each try of a message. Nil: none does.
	Tracer *trace.Tracer
}

// Worker takes messages of one channel out of the outbox and sends them. Any
// number of them, on any number of nodes, may work on one database.
type Worker struct {
	store  *store.Store
	line   line
	o      Options
	counts counts
	rests  rests
}

// line is what a worker sends: mails, text messages, or logouts.
type line interface {
	// kind says which events, traces and words are for it.
	kind() kind
	// prepare makes a message ready and returns what sends it. It returns a
	// [dropped] for one that never can be.
	prepare(ctx context.Context, o store.Outgoing, pool core.Pool) (func(ctx context.Context) error, error)
}

// kind is what differs between the channels beside the sending.
type kind struct {
	channel       core.Channel
	noun          string // in the log
	span          string // in traces
	sent, dropped core.EventName
	share         int             // how many messages of one lane are sent at a time
	alone         bool            // whether a lane whose sender failed is left alone for a while
	only          core.SecretName // whose messages are taken: those of pools that were given it; empty: of all
}

// NewWorker returns a worker for mails, which does nothing until [Worker.Run].
// sender is for pools without a mail server of their own; nil: their mails wait.
func NewWorker(st *store.Store, sender Sender, o Options) *Worker {
	if o.Parallel <= 0 {
		o.Parallel = mailParallel
	}
	if o.Dial == nil {
		o.Dial = DialMail(outbound.Allowed{})
	}
	return newWorker(st, mails{st, sender, o}, o)
}

func newWorker(st *store.Store, l line, o Options) *Worker {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Worker{store: st, line: l, o: o, rests: rests{share: l.kind().share, alone: l.kind().alone, lanes: map[store.Lane]*rest{}}}
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
		n := 1 + takeUpTo(w.atOnce()-1, free)
		until := time.Now().Add(lease)
		claimed := w.claim(ctx, n)
		for _, o := range claimed {
			w.rests.begin(o.Place())
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
		case <-w.store.Queued(w.line.kind().channel):
		case <-tick.C:
		}
	}
}

// atOnce is how many messages are claimed at a time: they may all be of one lane.
func (w *Worker) atOnce() int {
	return min(w.line.kind().share, w.o.Parallel)
}

// takeUpTo takes what is there without waiting, most at most, and counts it.
func takeUpTo(most int, free <-chan struct{}) int {
	for n := range most {
		select {
		case <-free:
		default:
			return n
		}
	}
	return most
}

func (w *Worker) claim(ctx context.Context, n int) []store.Outgoing {
	var claimed []store.Outgoing
	err := w.guarded(func() (err error) {
		claimed, err = w.store.Across().ClaimMessagesWith(ctx, w.line.kind().channel, w.line.kind().only, n, lease, w.rests.resting(time.Now())...)
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
	log := w.o.Log.With("pool", string(o.Pool), "message", string(o.ID), "attempt", o.Attempts)
	told := o.Told()
	for _, name := range slices.Sorted(maps.Keys(told)) {
		log = log.With(name, told[name])
	}
	ctx, span := w.o.Tracer.Start(ctx, trace.Works, w.line.kind().span, "", "")
	defer span.End()
	if o.Template != "" {
		span.Text("gatehouse.template", o.Template)
	}
	failure := w.guarded(func() error { return w.try(ctx, o, until) })
	if _, isDropped := errors.AsType[dropped](failure); isDropped {
		span.Failed("dropped")
	} else if failure != nil {
		span.Failed("put_off")
	}
	w.counts.tried(failure)
	w.rests.end(o.Place(), failure, time.Now())
	err := w.guarded(func() error { return w.settle(ctx, o, failure, log) })
	if err != nil {
		// The message is still in line, and due again after its lease.
		log.Error("cannot write down what came of "+w.line.kind().noun, "error", err)
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
	send, err := w.line.prepare(ctx, o, pool)
	if err != nil {
		return err
	}
	if err := w.late(o); err != nil { // once more: the database may have been slow
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, until.Add(-settleTime))
	defer cancel()
	ctx, span := trace.Begin(ctx, w.line.kind().span+".send")
	defer span.End()
	err = send(ctx)
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

// settle writes down what came of a try: sent (failure is nil), given up, or
// to be tried again. It insists while the database is away, because a
// message that was sent and not crossed off is sent twice.
func (w *Worker) settle(ctx context.Context, o store.Outgoing, failure error, log *slog.Logger) error {
	gone, isDropped := errors.AsType[dropped](failure)
	event := core.Event{Name: w.line.kind().sent, Target: string(o.ID), Data: o.Told()}
	event.Data["attempts"] = strconv.Itoa(o.Attempts)
	if isDropped {
		event.Name, event.Reason = w.line.kind().dropped, string(gone.reason)
	}
	now := w.store.Clock()
	wait := pause(o.ID, o.Attempts, o.ExpiresAt.Sub(now))
	if errors.Is(failure, errNoSender) {
		wait = min(wait, unsentWait)
	}
	again := now.Add(wait)
	switch {
	case isDropped:
		log.Warn(w.line.kind().noun+" was given up", "reason", string(gone.reason), "error", failure)
	case failure != nil:
		log.Warn(w.line.kind().noun+" could not be sent yet", "again_at", again, "error", failure)
	default:
		log.Debug(w.line.kind().noun + " was sent")
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
