package deliver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/outbound"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// pythonVariable names a Python that has the packages of
// compat/python/requirements.txt; without it .venv of the repository is used.
const pythonVariable = "GATEHOUSE_TEST_PYTHON"

const (
	serverUser     = "gate@house"
	serverPassword = "p@ss/word: 100%"
)

// mailServer is a running testdata/smtpd.py.
type mailServer struct {
	ports map[string]int
	ca    string
	file  string
}

// arrived is a line of what the server wrote.
type arrived struct {
	Port      string      `json:"port"`
	Encrypted bool        `json:"encrypted"`
	SignedIn  bool        `json:"signed_in"`
	Options   []string    `json:"options"`
	From      string      `json:"from"`
	To        []string    `json:"to"`
	Headers   [][2]string `json:"headers"`
	Text      string      `json:"text"`
	HTML      string      `json:"html"`
}

func (a arrived) header(name string) []string {
	var values []string
	for _, h := range a.Headers {
		if strings.EqualFold(h[0], name) {
			values = append(values, h[1])
		}
	}
	return values
}

// python finds a Python with aiosmtpd, or skips the test.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv(pythonVariable)
	if path == "" {
		path = filepath.Join("..", "..", ".venv", "bin", "python")
	}
	if out, err := exec.CommandContext(t.Context(), path, "-c", "import aiosmtpd").CombinedOutput(); err != nil {
		t.Skipf("%s has no aiosmtpd (%v %s): make test prepares it", path, err, bytes.TrimSpace(out))
	}
	return path
}

// startServer runs the server until the test ends.
func startServer(t *testing.T, options ...string) mailServer {
	t.Helper()
	path := python(t)
	dir := t.TempDir()
	s := mailServer{ca: filepath.Join(dir, "cert.pem"), file: filepath.Join(dir, "mails.jsonl")}
	key := filepath.Join(dir, "key.pem")
	writeCertificate(t, s.ca, key)
	args := append([]string{filepath.Join("testdata", "smtpd.py"), "--file", s.file, "--cert", s.ca, "--key", key,
		"--user", serverUser, "--password", serverPassword}, options...)
	cmd := exec.Command(path, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(stdout).ReadBytes('\n')
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("the mail server ended: %v\n%s", err, stderr.String())
		}
	})
	if err != nil {
		t.Fatalf("the mail server did not start: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(first, &s.ports); err != nil {
		t.Fatal(err)
	}
	return s
}

// writeCertificate makes a certificate for localhost that signs itself.
func writeCertificate(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	escapedUser     = "gate%40house"
	escapedPassword = "p%40ss%2Fword%3A%20100%25"
)

// sender opens a sender for one of the server's ports.
func (s mailServer) sender(t *testing.T, port, user, query string) *deliver.SMTP {
	t.Helper()
	scheme := "smtp"
	if port == "tls" {
		scheme = "smtps"
	}
	smtp, err := deliver.NewSMTP(secret.Text(fmt.Sprintf("%s://%slocalhost:%d?%s", scheme, user, s.ports[port], query)))
	if err != nil {
		t.Fatal(err)
	}
	return smtp
}

func (s mailServer) withCA() string { return "ca=" + s.ca }

// mails reads what the server accepted.
func (s mailServer) mails(t *testing.T) []arrived {
	t.Helper()
	raw, err := os.ReadFile(s.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []arrived
	for line := range bytes.Lines(raw) {
		var a arrived
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

const signIn = escapedUser + ":" + escapedPassword + "@"

func aMail(to string) deliver.Mail {
	return deliver.Mail{
		ID: core.NewMessageID(), FromName: "Gatehouse Démo", FromAddress: "no-reply@example.org", To: to,
		Subject: "Grüße & a subject that is long enough to be folded over more than a single line of the header",
		Text:    "Hello,\n\nhttps://example.org/verify?code=abc=def\n.\nA line that began with a dot was above. ÄÖÜ\n",
		HTML:    "<p>Hello &amp; <a href=\"https://example.org/verify?code=abc\">welcome</a></p>\n",
	}
}

func TestSMTPHandsMailsOver(t *testing.T) {
	s := startServer(t)
	for _, c := range []struct {
		name, port, user, query string
		encrypted               bool
	}{
		{"TLS by STARTTLS, signed in", "starttls", signIn, s.withCA(), true},
		{"TLS from the start, signed in", "tls", signIn, s.withCA(), true},
		{"TLS if there is any, and there is", "starttls", signIn, "tls=opportunistic&" + s.withCA(), true},
		{"TLS if there is any, and there is none", "plain", "", "tls=opportunistic", false},
		{"no TLS", "plain", "", "tls=none", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(s.mails(t))
			m := aMail("ana@example.org")
			if err := s.sender(t, c.port, c.user, c.query).Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			mails := s.mails(t)[before:]
			if len(mails) != 1 {
				t.Fatalf("%d mails arrived", len(mails))
			}
			got := mails[0]
			if got.Port != c.port || got.Encrypted != c.encrypted || got.SignedIn != (c.user != "") {
				t.Errorf("arrived at %s, encrypted %v, signed in %v", got.Port, got.Encrypted, got.SignedIn)
			}
			if got.From != m.FromAddress || len(got.To) != 1 || got.To[0] != m.To {
				t.Errorf("envelope from %s to %v", got.From, got.To)
			}
			for name, want := range map[string]string{
				"From": "Gatehouse Démo <no-reply@example.org>", "To": m.To, "Subject": m.Subject,
				"Message-ID": "<" + string(m.ID) + "@example.org>", "Auto-Submitted": "auto-generated",
			} {
				if values := got.header(name); len(values) != 1 || strings.Trim(values[0], " <>") != strings.Trim(want, "<>") {
					t.Errorf("%s: %q, want %q", name, values, want)
				}
			}
			if strings.ReplaceAll(got.Text, "\r\n", "\n") != m.Text || strings.ReplaceAll(got.HTML, "\r\n", "\n") != m.HTML {
				t.Errorf("text %q\nhtml %q", got.Text, got.HTML)
			}
			if strings.Contains(strings.Join(got.Options, " "), "SMTPUTF8") {
				t.Error("SMTPUTF8 was asked for without need")
			}
		})
	}
	t.Run("an address beyond ASCII", func(t *testing.T) {
		if err := s.sender(t, "starttls", signIn, s.withCA()).Send(t.Context(), aMail("jürgen@example.org")); err != nil {
			t.Fatal(err)
		}
		mails := s.mails(t)
		last := mails[len(mails)-1]
		if last.To[0] != "jürgen@example.org" || !strings.Contains(strings.Join(last.Options, " "), "SMTPUTF8") {
			t.Errorf("to %v with %v", last.To, last.Options)
		}
	})
}

func TestSMTPTellsForNowFromForGood(t *testing.T) {
	s := startServer(t, "--answer", "full@example.org=451", "--answer", "nobody@example.org=550")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := fmt.Sprintf("smtp://%s?tls=none", closed.Addr())
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	unreachable, err := deliver.NewSMTP(secret.Text(nowhere))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		sender  *deliver.SMTP
		to      string
		forGood bool
		says    string
	}{
		{"451", s.sender(t, "plain", "", "tls=none"), "full@example.org", false, "451"},
		{"550", s.sender(t, "plain", "", "tls=none"), "nobody@example.org", true, "550"},
		{"a wrong password", s.sender(t, "starttls", "gate%40house:CANARY@", s.withCA()), "ana@example.org", false, "535"},
		{"no password where one is needed", s.sender(t, "starttls", "", s.withCA()), "ana@example.org", false, "530"},
		{"no STARTTLS where it is required", s.sender(t, "plain", "", ""), "ana@example.org", false, "STARTTLS"},
		{"a certificate of nobody we know", s.sender(t, "starttls", signIn, ""), "ana@example.org", false, "certificate"},
		{"a certificate of nobody we know, TLS from the start", s.sender(t, "tls", signIn, ""), "ana@example.org", false, "certificate"},
		{"no server", unreachable, "ana@example.org", false, "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := aMail(c.to)
			err := c.sender.Send(t.Context(), m)
			if err == nil || errors.Is(err, deliver.ErrRefused) != c.forGood || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			for _, word := range []string{c.to, "CANARY", serverPassword, escapedPassword, m.Subject} {
				if strings.Contains(fmt.Sprint(err), word) {
					t.Errorf("the error holds %q: %v", word, err)
				}
			}
		})
	}
	if got := s.mails(t); len(got) != 0 {
		t.Errorf("%d mails arrived", len(got))
	}
}

func TestSMTPEndsWithItsContext(t *testing.T) {
	s := startServer(t, "--stall", "slow@example.org")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := s.sender(t, "plain", "", "tls=none").Send(ctx, aMail("slow@example.org"))
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, deliver.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestNoHeaderCanBeInjected(t *testing.T) {
	s := startServer(t)
	smtp := s.sender(t, "plain", "", "tls=none")
	inbox := deliver.NewInbox()
	for _, evil := range []string{"a\r\nBcc: x@example.net", "a\nBcc: x@example.net", "a\rBcc: x@example.net", "a\x00b", "\r\n\r\nbody"} {
		for name, change := range map[string]func(*deliver.Mail){
			"id":           func(m *deliver.Mail) { m.ID = core.MessageID(evil) },
			"from name":    func(m *deliver.Mail) { m.FromName = evil },
			"from address": func(m *deliver.Mail) { m.FromAddress = evil + "@example.org" },
			"to":           func(m *deliver.Mail) { m.To = "ana@example.org" + evil },
			"subject":      func(m *deliver.Mail) { m.Subject = evil },
		} {
			m := aMail("ana@example.org")
			change(&m)
			for _, sender := range []deliver.Sender{smtp, inbox} {
				if err := sender.Send(t.Context(), m); !errors.Is(err, deliver.ErrRefused) {
					t.Errorf("%T, %s %q: got %v", sender, name, evil, err)
				}
			}
		}
	}
	for _, evil := range []string{"ana@example.org, x@example.net", "Ana <ana@example.org>", "<ana@example.org>", "ana@example.org (x)", `"a b"@example.org`, "ana", ""} {
		m := aMail(evil)
		for _, sender := range []deliver.Sender{smtp, inbox} {
			if err := sender.Send(t.Context(), m); !errors.Is(err, deliver.ErrRefused) {
				t.Errorf("%T, to %q: got %v", sender, evil, err)
			}
		}
	}
	if got := s.mails(t); len(got) != 0 || len(inbox.List("")) != 0 {
		t.Fatalf("%d mails arrived, %d were caught", len(got), len(inbox.List("")))
	}

	m := aMail("ana@example.org")
	m.FromName = `Ana" <x@example.net>, "Bob; =?utf-8?q?=0ABcc:_x@example.net?=`
	m.Subject = "=?utf-8?q?=0ABcc:_x@example.net?="
	if err := smtp.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := s.mails(t)
	if len(got) != 1 || len(got[0].To) != 1 || got[0].From != m.FromAddress || len(got[0].header("From")) != 1 || len(got[0].header("Bcc")) != 0 {
		t.Fatalf("a name that looks like headers became them: %+v", got)
	}
	from, subject := got[0].header("From")[0], got[0].header("Subject")[0]
	if !strings.HasSuffix(from, "<no-reply@example.org>") || strings.ContainsAny(from+subject, "\r\n") {
		t.Errorf("From: %q, Subject: %q", from, subject)
	}
}

func TestNewSMTPExplainsAddressesWithoutThePassword(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, says := range map[string]string{
		"smtp://u:CANARY@mail.example.org":                            "",
		"smtp://u:CANARY@mail.example.org:2525?tls=required":          "",
		"smtps://u:CANARY@[2001:db8::1]:465/":                         "",
		"smtp://localhost:25?tls=none":                                "",
		"smtp://u:CANARY@localhost:25?tls=none":                       "",
		"":                                                            "begins with",
		"mail.example.org:587":                                        "begins with",
		"http://u:CANARY@mail.example.org":                            "begins with",
		"smtp:u:CANARY@mail.example.org":                              "a host and a port",
		"smtp://u:CANARY@":                                            "a host and a port",
		"smtp://u:CANARY@mail.example.org/inbox":                      "without a path",
		"smtp://u:CANARY@mail.example.org#x":                          "without a path",
		"smtp://u:CANARY%zz@mail.example.org":                         "percent-encoded",
		"smtp://u:CANARY/x@mail.example.org":                          "percent-encoded",
		"smtp://u:CANARY@mail.example.org:99999":                      "1 to 65535",
		"smtp://u@mail.example.org":                                   "both a user and a password",
		"smtp://:CANARY@mail.example.org":                             "both a user and a password",
		"smtp://u:CANARY@mail.example.org?tls=maybe":                  "required, opportunistic or none",
		"smtp://u:CANARY@mail.example.org?tls=none":                   "not sent without TLS",
		"smtps://u:CANARY@mail.example.org?tls=none":                  "always TLS",
		"smtp://u:CANARY@mail.example.org?verify=no":                  "there are tls and ca",
		"smtp://u:CANARY@mail.example.org?tls=required&tls=none":      "more than once",
		"smtp://u:CANARY@mail.example.org?%zz":                        "query",
		"smtp://u:CANARY@mail.example.org?ca=" + empty:                "no certificate",
		"smtp://u:CANARY@mail.example.org?ca=" + empty + ".not-there": "no such file",
	} {
		smtp, err := deliver.NewSMTP(secret.Text(address))
		if (says == "") != (err == nil) || (smtp == nil) != (err != nil) || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%s: got %v, want %q", address, err, says)
		}
		if strings.Contains(fmt.Sprint(err), "CANARY") || strings.Contains(fmt.Sprintf("%v %+v %#v", smtp, smtp, smtp), "CANARY") {
			t.Errorf("%s: the password shows", address)
		}
	}
}

// The same with a real server: greylisted mails arrive after all, refused ones
// are dropped, and one whose receipt was lost arrives twice under one id.
func TestAWorkerAndAMailServer(t *testing.T) {
	server := startServer(t, "--answer", "grey@example.org=451x2", "--answer", "nobody@example.org=550", "--hangup", "twice@example.org")
	st := storetest.New(t)
	pool := storetest.Pool(t, st, "demo", core.Overrides{"display_name": setting(`"Démo \"quoted\""`)})
	twice := verify("twice@example.org")
	twice.ExpiresAt = time.Now().Add(6 * time.Second)
	queue(t, st, pool, verify("grey@example.org"), verify("nobody@example.org"), verify("ana@example.org"), twice)
	run(t, st, server.sender(t, "starttls", signIn, server.withCA()), deliver.Options{})
	eventually(t, func() bool { waiting, _ := outcome(t, st, pool); return waiting == 0 })
	expectEnds(t, st, pool, "sent", "sent", string(deliver.DropRefused), string(deliver.DropGaveUp))
	got := make(map[string][]arrived)
	for _, a := range server.mails(t) {
		got[a.To[0]] = append(got[a.To[0]], a)
	}
	if len(got["grey@example.org"]) != 1 || len(got["nobody@example.org"]) != 0 || len(got["ana@example.org"]) != 1 {
		t.Errorf("arrived: %v", got)
	}
	again := got["twice@example.org"]
	if len(again) < 2 {
		t.Fatalf("a mail without a receipt arrived %d times", len(again))
	}
	for _, a := range again {
		if id := a.header("Message-ID"); len(id) != 1 || id[0] != "<"+string(twice.ID)+"@example.org>" {
			t.Errorf("Message-ID %q", id)
		}
	}
	if from := got["ana@example.org"][0].header("From"); len(from) != 1 || !strings.Contains(from[0], "Démo") || !strings.HasSuffix(from[0], "<server@example.org>") {
		t.Errorf("From %q", from)
	}
}

// A pool with a mail server of its own sends by it, though the one of all pools
// is there. Where neither is, its mails wait, and leave once one is given.
func TestX16MailServerOfAPool(t *testing.T) {
	server := startServer(t)
	own := fmt.Sprintf("smtp://%slocalhost:%d?%s", signIn, server.ports["starttls"], server.withCA())
	st := storetest.New(t)
	mine, others, later := storetest.Pool(t, st, "mine", nil), storetest.Pool(t, st, "others", nil), storetest.Pool(t, st, "later", nil)
	give(t, st, mine, map[core.SecretName]string{core.SecretMailServer: own})
	queue(t, st, mine, verify("mine@example.org"))
	queue(t, st, others, verify("others@example.org"))
	inbox := deliver.NewInbox()
	allowed, err := outbound.ParseAllowed([]string{"127.0.0.0/8", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, st, inbox, deliver.Options{Dial: deliver.DialMail(allowed)})
	eventually(t, func() bool {
		a, _ := outcome(t, st, mine)
		b, _ := outcome(t, st, others)
		return a+b == 0
	})
	stop()
	if arrived := server.mails(t); len(arrived) != 1 || arrived[0].To[0] != "mine@example.org" || !arrived[0].SignedIn || !arrived[0].Encrypted {
		t.Errorf("law: a pool's mails leave by its own mail server; there arrived %+v", arrived)
	}
	if to := recipients(inbox); !slices.Equal(to, []string{"others@example.org"}) {
		t.Errorf("law: other pools' mails leave by the server's; to %v", to)
	}

	queue(t, st, later, verify("later@example.org"))
	log := new(lockedBuffer)
	stop = run(t, st, nil, deliver.Options{Dial: deliver.DialMail(allowed), Log: slog.New(slog.NewTextHandler(log, nil))})
	queue(t, st, mine, verify("mine@example.org"))
	eventually(t, func() bool { waiting, _ := outcome(t, st, mine); return waiting == 0 })
	if waiting, _ := outcome(t, st, later); waiting != 1 || log.String() != "" {
		t.Errorf("law: a mail that nothing is there to send by is left in line; %d wait, and the log says %q", waiting, log)
	}
	give(t, st, later, map[core.SecretName]string{core.SecretMailServer: own})
	eventually(t, func() bool { waiting, _ := outcome(t, st, later); return waiting == 0 })
	expectEnds(t, st, later, "sent")

	stop()
	inside := storetest.Pool(t, st, "inside", nil)
	give(t, st, inside, map[core.SecretName]string{core.SecretMailServer: own})
	queue(t, st, inside, verify("inside@example.org"))
	before := len(server.mails(t))
	run(t, st, nil, deliver.Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	eventually(t, func() bool { return strings.Contains(log.String(), "outbound_allow") })
	if waiting, _ := outcome(t, st, inside); waiting != 1 || len(server.mails(t)) != before {
		t.Errorf("law: a mail server in the own network is reached only if the operator says so; %d wait", waiting)
	}
	if strings.Contains(log.String(), "p@ss") || strings.Contains(log.String(), escapedPassword) {
		t.Error("law: no password reaches the log")
	}
}
