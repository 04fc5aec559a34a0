package cli

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// finding is what one check found.
type finding struct {
	Name   string `json:"name"`
	State  state  `json:"state"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
}

// state is what a finding means.
type state string

const (
	fine    state = "ok"
	doubt   state = "warn" // it works, and may not be what was wanted
	failing state = "fail" // a server would not start, or not keep what it is given
	passed  state = "skip" // could not be looked at, because of another finding
)

// exam is what the checks look at. The first ones fill it in for the rest.
type exam struct {
	console *console
	cmd     *cobra.Command
	config  *config.Loaded
	master  *secret.Master
	store   *store.Store
}

// check is one thing that doctor looks at.
type check struct {
	name string
	run  func(ctx context.Context, x *exam) finding
}

// checks is all that doctor looks at, in this order.
func checks() []check {
	return []check{
		{"config", examineConfig},
		{"environment", examineEnvironment},
		{"master key", examineMasterKey},
		{"database", examineDatabase},
		{"durability", examineDurability},
		{"working keys", examineWorkingKeys},
		{"clock", examineClock},
		{"public URL", examinePublicURL},
		{"TLS", examineTLS},
		{"mail", examineMail},
		{"places", examinePlaces},
		{"listen", examineListen},
	}
}

// Distances of two clocks.
const (
	clockDoubt   = time.Second
	clockFailing = 30 * time.Second
)

// examineTime is how long anything may take to answer.
const examineTime = 5 * time.Second

func (c *console) doctor() *cobra.Command {
	return c.command("doctor", "Look for what would keep a server from working, and say what to do.", "gatehouse doctor --config gatehouse.toml",
		func(cmd *cobra.Command, _ []string) error {
			x := &exam{console: c, cmd: cmd}
			var found []finding
			var sick error
			for _, check := range checks() {
				ctx, cancel := context.WithTimeout(cmd.Context(), 2*examineTime)
				f := check.run(ctx, x)
				cancel()
				f.Name = check.name
				if f.State == failing {
					sick = errReported
				}
				found = append(found, f)
			}
			if x.store != nil {
				if err := x.store.Close(); err != nil {
					return err
				}
			}
			return errors.Join(c.answer(found, func(w io.Writer) error { return printFindings(w, found) }), sick)
		})
}

func printFindings(w io.Writer, found []finding) error {
	for _, f := range found {
		if _, err := fmt.Fprintf(w, "%-4s %s: %s\n", f.State, f.Name, f.Found); err != nil {
			return err
		}
		if f.Remedy == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "     %s\n", f.Remedy); err != nil {
			return err
		}
	}
	return nil
}

// bad is a finding made of an error.
func bad(err error) finding {
	return finding{State: failing, Found: sentence(err), Remedy: hintFor(err)}
}

func notLooked(because string) finding {
	return finding{State: passed, Found: "not looked at: " + because}
}

func examineConfig(_ context.Context, x *exam) finding {
	loaded, err := x.console.load(x.cmd, config.ForCommand)
	if err != nil {
		return bad(err)
	}
	x.config = loaded
	f := finding{State: fine, Found: "no file; defaults, environment and flags"}
	if loaded.File != "" {
		f.Found = "read from " + loaded.File
	}
	if len(loaded.Warnings) > 0 {
		f.State, f.Found = doubt, strings.Join(loaded.Warnings, "; ")
	}
	return f
}

func examineEnvironment(context.Context, *exam) finding {
	if unknown := config.UnknownVariables(); len(unknown) > 0 {
		return finding{State: doubt, Found: "nobody reads " + strings.Join(unknown, ", "), Remedy: "Check the spelling: docs/config.md lists every variable."}
	}
	return finding{State: fine, Found: "every GATEHOUSE_ variable that is set is read"}
}

func examineMasterKey(_ context.Context, x *exam) finding {
	if x.config == nil {
		return notLooked("there is no configuration")
	}
	before := len(x.config.Warnings)
	if err := x.config.FindMasterKey(config.ForCommand); err != nil {
		return bad(err)
	}
	master, err := secret.ParseMaster(x.config.MasterKey.Reveal())
	if err != nil {
		return bad(err)
	}
	x.master = &master
	f := finding{State: fine, Found: "configured"}
	if x.config.KeyFile != "" {
		f = finding{State: doubt, Found: "found in " + x.config.KeyFile + ", which `dev` and commands use and `serve` does not",
			Remedy: "For `serve` set GATEHOUSE_MASTER_KEY_FILE."}
	}
	if more := x.config.Warnings[before:]; len(more) > 0 {
		f = finding{State: doubt, Found: strings.Join(more, "; ")}
	}
	return f
}

// examineDatabase looks at a database without making one.
func examineDatabase(ctx context.Context, x *exam) finding {
	if x.config == nil {
		return notLooked("there is no configuration")
	}
	if err := refuseMissing(x.config.Database, mustExist); err != nil {
		return bad(err)
	}
	steps, err := store.Migrations(ctx, x.config.Database)
	if err != nil {
		return bad(err)
	}
	missing := 0
	for _, step := range steps {
		if !step.Applied {
			missing++
		}
	}
	if missing > 0 {
		return finding{State: failing, Found: fmt.Sprintf("reached; of %d steps of the schema it lacks %d", len(steps), missing), Remedy: "Run `gatehouse migrate up`."}
	}
	if x.master == nil {
		return finding{State: fine, Found: fmt.Sprintf("reached; it has all %d steps of the schema", len(steps))}
	}
	return x.open(ctx, len(steps))
}

// open opens the store for the checks after this one.
func (x *exam) open(ctx context.Context, steps int) finding {
	// SQLite is opened as a server would; PostgreSQL is opened whatever it
	// keeps, because the next check asks it.
	unsafe := x.config.UnsafeDurability || !strings.HasPrefix(x.config.Database, "sqlite:")
	st, err := store.Open(ctx, store.Options{Database: x.config.Database, Master: *x.master, UnsafeDurability: unsafe, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return bad(err)
	}
	x.store = st
	return finding{State: fine, Found: fmt.Sprintf("%s, reached; it has all %d steps of the schema, and the master key opens it", st.Engine(), steps)}
}

func examineDurability(ctx context.Context, x *exam) finding {
	if x.store == nil {
		return notLooked("the database is not open")
	}
	err := x.store.CheckDurability(ctx)
	switch {
	case err == nil:
		return finding{State: fine, Found: "what is acknowledged is on the disk"}
	case errors.Is(err, store.ErrUnsafe) && x.config.UnsafeDurability:
		return finding{State: doubt, Found: sentence(err) + "; the configuration allows it", Remedy: "Unset unsafe_durability for data that matters."}
	}
	return bad(err)
}

func examineWorkingKeys(ctx context.Context, x *exam) finding {
	if x.store == nil {
		return notLooked("the database is not open")
	}
	keys, err := x.store.Across().WorkingKeys(ctx)
	if err != nil {
		return bad(err)
	}
	older := 0
	for _, k := range keys {
		if k.Older {
			older++
		}
	}
	if older > 0 {
		return finding{State: doubt, Found: fmt.Sprintf("%d of %d are sealed by a master key that is not the first", older, len(keys)),
			Remedy: "Once every server has both master keys, run `gatehouse working-key reseal`, and take the older one out."}
	}
	return finding{State: fine, Found: fmt.Sprintf("all %d are sealed by the first master key", len(keys))}
}

func examineClock(ctx context.Context, x *exam) finding {
	if x.store == nil {
		return notLooked("the database is not open")
	}
	before := time.Now()
	theirs, err := x.store.Now(ctx)
	if err != nil {
		return bad(err)
	}
	// The database answered somewhere between before and now.
	ours := before.Add(time.Since(before) / 2)
	distance := theirs.Sub(ours).Abs().Round(time.Millisecond)
	f := finding{State: fine, Found: fmt.Sprintf("%s from the database's", distance)}
	switch {
	case distance > clockFailing:
		f.State = failing
	case distance > clockDoubt:
		f.State = doubt
	}
	if f.State != fine {
		f.Remedy = "Set both clocks by NTP: tokens and codes expire by this machine's, or by the database's where the two are more than 2 s apart."
	}
	return f
}

func examinePublicURL(_ context.Context, x *exam) finding {
	if x.config == nil {
		return notLooked("there is no configuration")
	}
	if err := config.CheckPublicURL(x.config.PublicURL); err != nil {
		f := bad(err)
		if x.config.PublicURL == "" {
			f.State, f.Found = doubt, "not set; `dev` does without, `serve` does not"
		}
		return f
	}
	return finding{State: fine, Found: x.config.PublicURL}
}

func examineMail(ctx context.Context, x *exam) finding {
	if x.config == nil {
		return notLooked("there is no configuration")
	}
	if x.config.SMTP == "" {
		return finding{State: doubt, Found: "no mail server is configured: mails of pools without one of their own wait in line", Remedy: "Set GATEHOUSE_MAIL_SMTP, such as smtps://user:password@mail.example.org:465."}
	}
	if _, err := deliver.NewSMTP(x.config.SMTP); err != nil {
		return finding{State: failing, Found: sentence(err), Remedy: "Correct GATEHOUSE_MAIL_SMTP."}
	}
	address, greeting, err := greet(ctx, x.config.SMTP)
	if err != nil {
		return finding{State: failing, Found: "the mail server at " + address + " does not answer: " + sentence(err), Remedy: "Check the address, and that this machine may reach it."}
	}
	if !strings.HasPrefix(greeting, "220") {
		return finding{State: failing, Found: fmt.Sprintf("what is at %s does not greet as a mail server: %q", address, shorten(greeting, 60)), Remedy: "Check the port, and whether it is smtp:// or smtps://."}
	}
	return finding{State: fine, Found: "the mail server at " + address + " answers"}
}

// greet connects to a mail server and reads its first line (RFC 5321 section
// 3.1). It sends nothing, and so no password. Certificates are for the server
// to check when it sends.
func greet(ctx context.Context, smtp secret.Text) (address, greeting string, err error) {
	u, err := url.Parse(smtp.Reveal())
	if err != nil {
		return "", "", errors.New("the address is no URL") // url.Parse would repeat it
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme]
	}
	address = net.JoinHostPort(u.Hostname(), port)
	dialer := &net.Dialer{Timeout: examineTime}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return address, "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(examineTime)); err != nil {
		return address, "", err
	}
	if u.Scheme == "smtps" {
		conn = tls.Client(conn, &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: true})
	}
	greeting, err = bufio.NewReader(io.LimitReader(conn, 512)).ReadString('\n')
	return address, strings.TrimSpace(greeting), err
}

func examineListen(ctx context.Context, x *exam) finding {
	if x.config == nil {
		return notLooked("there is no configuration")
	}
	l, err := listenOn(ctx, x.config.Listen)
	switch {
	case err == nil:
		if err := l.Close(); err != nil {
			return bad(err)
		}
		return finding{State: fine, Found: x.config.Listen + " is free"}
	case errors.Is(err, syscall.EADDRINUSE):
		return finding{State: doubt, Found: x.config.Listen + " is in use, by a server that runs already or by another program"}
	case errors.Is(err, os.ErrPermission):
		return finding{State: failing, Found: sentence(err), Remedy: "Ports below 1024 need a privilege: choose another with GATEHOUSE_LISTEN."}
	}
	return bad(err)
}
