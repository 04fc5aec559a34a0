package app

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// metric is one line of the table of metrics. The parts of the server count in
// plain numbers; here they get names.
type metric struct {
	name    string
	kind    metricKind
	labels  []string
	meaning string
	read    func(s *scrape, emit emit)
}

type metricKind string

const (
	counter   metricKind = "counter"
	gauge     metricKind = "gauge"
	histogram metricKind = "histogram"
)

// emit hands on a value with those of the labels.
type emit func(value float64, labels ...string)

// scrape is one reading of all metrics.
type scrape struct {
	app *App
	ctx context.Context
}

// scrapeTime is how long the database may take to answer what is asked of it
// for the metrics. What it does not answer is left out.
const scrapeTime = time.Second

// metrics is every metric of our own, in the order of docs/metrics.md.
func metrics() []metric {
	return []metric{
		{"gatehouse_build_info", gauge, []string{"version", "database"}, "1, with the version of the program and the kind of its database.",
			func(s *scrape, emit emit) { emit(1, s.app.version, s.app.Store.Engine()) }},
		{"gatehouse_ready", gauge, nil, "Whether /readyz answers that the server is ready: 1 or 0.",
			func(s *scrape, emit emit) { emit(truth(s.app.lacks(s.ctx) == nil)) }},

		{"gatehouse_requests_total", counter, []string{"face", "route", "class"}, "Requests that were answered, by face, route and class of the status: 2xx to 5xx. A route is a line of a face's table, or `other`.",
			func(s *scrape, emit emit) {
				s.routes(func(r *web.Route, c web.Counts) {
					for class, n := range c.Classes {
						if class > 0 && n > 0 {
							emit(float64(n), r.Face, r.Name, strconv.Itoa(class)+"xx")
						}
					}
				})
			}},
		{"gatehouse_request_faults_total", counter, []string{"face", "route"}, "Requests that failed by the server's fault or its database's, whatever the status: a GraphQL answer is 200.",
			func(s *scrape, emit emit) {
				s.routes(func(r *web.Route, c web.Counts) { emit(float64(c.Faults), r.Face, r.Name) })
			}},
		{"gatehouse_request_duration_seconds", histogram, []string{"face", "route"}, "How long requests took, from the header's arrival to the end of the answer.", nil},
		{"gatehouse_requests_in_flight", gauge, nil, "Requests that are under way.",
			func(s *scrape, emit emit) { emit(float64(s.app.traffic.InFlight())) }},
		{"gatehouse_connections_open", gauge, nil, "Connections to the public address that are open.",
			func(s *scrape, emit emit) {
				if c := s.app.connections.Load(); c != nil {
					emit(float64(c.Open()))
				}
			}},
		{"gatehouse_connections_limit", gauge, nil, "How many there may be: the configuration's max_connections; 0 is no bound.",
			func(s *scrape, emit emit) { emit(float64(s.app.config.MaxConnections)) }},

		{"gatehouse_hash_slots", gauge, nil, "How many passwords may be hashed at a time.",
			func(s *scrape, emit emit) { emit(float64(s.app.Passwords.Load().Slots)) }},
		{"gatehouse_hash_slots_in_use", gauge, nil, "How many are hashed at this moment.",
			func(s *scrape, emit emit) { emit(float64(s.app.Passwords.Load().InUse)) }},
		{"gatehouse_hash_waiting", gauge, nil, "Requests that wait for a slot.",
			func(s *scrape, emit emit) { emit(float64(s.app.Passwords.Load().Waiting)) }},
		{"gatehouse_hash_refused_total", counter, nil, "Requests that found no slot in time and were told to come back.",
			func(s *scrape, emit emit) { emit(float64(s.app.Passwords.Load().Refused)) }},

		{"gatehouse_outbox_messages", gauge, nil, "Messages in line to leave, of all pools. Like the next two it is missing while the database does not answer.",
			func(s *scrape, emit emit) { s.backlog(func(waiting, _, _ float64) { emit(waiting) }) }},
		{"gatehouse_outbox_oldest_seconds", gauge, nil, "How long the oldest of them has been in line; 0 for none.",
			func(s *scrape, emit emit) { s.backlog(func(_, oldest, _ float64) { emit(oldest) }) }},
		{"gatehouse_outbox_overdue_seconds", gauge, nil, "For how long a mail or a text message has been due that no server has taken; 0 for none. More than a minute means that nobody sends.",
			func(s *scrape, emit emit) { s.backlog(func(_, _, overdue float64) { emit(overdue) }) }},
		{"gatehouse_mail_tries_total", counter, []string{"outcome"}, "Tries to send a mail by this server: `sent`, `put_off` to be tried again, or `dropped`.",
			func(s *scrape, emit emit) { emitTries(s.app.worker, emit) }},
		{"gatehouse_mail_failing", gauge, nil, "1 if this server's last try of a mail failed and will be made again, as when the mail server is away; else 0.",
			func(s *scrape, emit emit) { emit(truth(s.app.worker.Counts().Failing)) }},

		{"gatehouse_sms_tries_total", counter, []string{"outcome"}, "The same of text messages.",
			func(s *scrape, emit emit) { emitTries(s.app.texter, emit) }},
		{"gatehouse_sms_failing", gauge, nil, "1 if this server's last try of a text message failed and will be made again. Each pool has a sender of its own; the log says whose it was.",
			func(s *scrape, emit emit) { emit(truth(s.app.texter.Counts().Failing)) }},
		{"gatehouse_logout_tries_total", counter, []string{"outcome"}, "The same of telling an application of a logout. One that is away is tried for an hour; the log says which it is.",
			func(s *scrape, emit emit) { emitTries(s.app.teller, emit) }},

		{"gatehouse_changes_age_seconds", gauge, nil, "How long ago this server last read what others changed. Normally below 0.3; from 5 on, or from 30 while the database is down, it trusts nothing that it remembers, and is not ready.",
			func(s *scrape, emit emit) { emit(s.app.Store.ChangesAge().Seconds()) }},
		{"gatehouse_clock_offset_seconds", gauge, nil, "How far the database's clock is ahead of this machine's, negative for behind, as last measured. Missing before the first time.",
			func(s *scrape, emit emit) {
				if offset, ok := s.app.Store.ClockOffset(); ok {
					emit(offset.Seconds())
				}
			}},
		{"gatehouse_database_connections", gauge, nil, "Connections to the database that there may be; with SQLite those that read.",
			func(s *scrape, emit emit) { emit(float64(s.app.Store.Connections().Most)) }},
		{"gatehouse_database_connections_in_use", gauge, nil, "Those of them that are in use.",
			func(s *scrape, emit emit) { emit(float64(s.app.Store.Connections().InUse)) }},
		{"gatehouse_database_wait_seconds_total", counter, nil, "For how long requests have waited for one, all together.",
			func(s *scrape, emit emit) { emit(s.app.Store.Connections().Waited.Seconds()) }},

		{"gatehouse_panics_total", counter, []string{"where"}, "Panics that were caught, in a `request` or a `worker`. Each is a bug; the log has where.",
			func(s *scrape, emit emit) {
				emit(float64(s.app.traffic.Panics()), "request")
				emit(float64(s.app.panics.Load()+s.app.worker.Counts().Panics+s.app.texter.Counts().Panics+s.app.teller.Counts().Panics), "worker")
			}},
	}
}

// emitTries tells what came of what a worker tried to send.
func emitTries(w *deliver.Worker, emit emit) {
	c := w.Counts()
	emit(float64(c.Sent), "sent")
	emit(float64(c.PutOff), "put_off")
	emit(float64(c.Dropped), "dropped")
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// routes visits each route that was ever asked for.
func (s *scrape) routes(visit func(r *web.Route, c web.Counts)) {
	for _, r := range s.app.traffic.Routes() {
		if c := r.Counts(); c.Total() > 0 {
			visit(r, c)
		}
	}
}

// backlog asks the outbox. What cannot be asked is not emitted: an old number
// would look like a good one.
func (s *scrape) backlog(visit func(waiting, oldest, overdue float64)) {
	b, err := s.app.Store.Across().Backlog(s.ctx)
	if err != nil {
		s.app.log.Debug("cannot count the outbox for the metrics", "error", err)
		return
	}
	visit(float64(b.Waiting), b.Oldest.Seconds(), b.Overdue.Seconds())
}

// collector reads the table for Prometheus.
type collector struct {
	app   *App
	descs []*prometheus.Desc // of each line
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(into chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		into <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(into chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	s := &scrape{app: c.app, ctx: ctx}
	for i, m := range metrics() {
		switch m.kind {
		case histogram:
			s.routes(func(r *web.Route, counts web.Counts) {
				within := make(map[float64]uint64)
				sum := int64(0)
				for i, most := range web.Times() {
					sum += counts.Within[i]
					within[most.Seconds()] = uint64(sum)
				}
				into <- prometheus.MustNewConstHistogram(c.descs[i], uint64(counts.Total()), counts.Took.Seconds(), within, r.Face, r.Name)
			})
		case counter, gauge:
			value := prometheus.GaugeValue
			if m.kind == counter {
				value = prometheus.CounterValue
			}
			m.read(s, func(v float64, labels ...string) {
				into <- prometheus.MustNewConstMetric(c.descs[i], value, v, labels...)
			})
		}
	}
}

// registry has our metrics, and those of the Go runtime and the process.
func (a *App) registry() *prometheus.Registry {
	c := &collector{app: a}
	for _, m := range metrics() {
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.meaning, m.labels, nil))
	}
	r := prometheus.NewRegistry()
	r.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// metricsPage answers /metrics.
func (a *App) metricsPage() http.Handler {
	return promhttp.HandlerFor(a.registry(), promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}
