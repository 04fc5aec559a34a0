package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"github.com/gatehouse-id/gatehouse/internal/outbound"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

const (
	// dialTimeout is how long a connection, with TLS where it comes first, may take.
	dialTimeout = 10 * time.Second
	// sendTimeout is how long one mail may take from the first byte to the last.
	sendTimeout = 30 * time.Second
)

// SMTP is the sender for a mail server. Each mail has a connection of its own.
type SMTP struct {
	host     string
	port     int
	implicit bool // TLS before the first word (RFC 8314 section 3), not by STARTTLS
	policy   gomail.TLSPolicy
	tls      *tls.Config
	connect  Dial
	user     string
	password func() secret.Text // a function, because fmt prints unexported fields as they are
}

// Dial opens a connection, as [net.Dialer.DialContext] does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// DialMail reaches mail servers that are public, at the ports that they have,
// and those that the operator allows besides.
func DialMail(allowed outbound.Allowed) Dial { return outbound.Dial(allowed, 25, 465, 587, 2525) }

// NewSMTP reads the address of a mail server:
//
//	smtp://user:password@host:587   TLS by STARTTLS, without which nothing is sent
//	smtps://user:password@host:465  TLS from the start
//
// User and password are percent-encoded, and may both be missing. Of the query,
// tls=opportunistic makes smtp:// go on without TLS where the server offers
// none, tls=none does not even try, and ca=FILE trusts the certificates in a
// PEM file besides the system's. A password never goes over a line without
// TLS, except to this very machine. No error holds the password.
func NewSMTP(address secret.Text) (*SMTP, error) {
	u, err := url.Parse(address.Reveal())
	if err != nil {
		// The error of url.Parse holds the address, and so the password.
		return nil, errors.New("the mail server's address is not a URL such as smtp://user:password@host:587; characters such as % / @ : in user and password are percent-encoded")
	}
	s := &SMTP{host: u.Hostname(), policy: gomail.TLSMandatory, connect: new(net.Dialer).DialContext}
	switch u.Scheme {
	case "smtp":
		s.port = 587
	case "smtps":
		s.port, s.implicit = 465, true
	default:
		return nil, errors.New("the mail server's address begins with smtp:// or smtps://")
	}
	if s.host == "" || u.Opaque != "" || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		return nil, errors.New("the mail server's address is a host and a port, without a path: smtp://user:password@host:587")
	}
	if text := u.Port(); text != "" {
		if s.port, err = strconv.Atoi(text); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errors.New("the mail server's port is a number from 1 to 65535")
		}
	}
	if u.User != nil {
		password, ok := u.User.Password()
		if !ok || u.User.Username() == "" || password == "" {
			return nil, errors.New("the mail server's address has both a user and a password, or neither")
		}
		s.user, s.password = u.User.Username(), func() secret.Text { return secret.Text(password) }
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("the query of the mail server's address cannot be read")
	}
	if err := s.set(query); err != nil {
		return nil, err
	}
	return s, nil
}

// set reads the query of the address.
func (s *SMTP) set(query url.Values) error {
	s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	for key, values := range query {
		if len(values) != 1 {
			return fmt.Errorf("the mail server's address has %q more than once", key)
		}
		switch key {
		case "tls":
			if err := s.setTLS(values[0]); err != nil {
				return err
			}
		case "ca":
			if err := s.setCA(values[0]); err != nil {
				return err
			}
		default:
			return fmt.Errorf("the mail server's address has %q: there are tls and ca", key)
		}
	}
	if s.user != "" && !s.implicit && s.policy == gomail.NoTLS && !isThisMachine(s.host) {
		return errors.New("the mail server's address has a password and tls=none: a password is not sent without TLS")
	}
	return nil
}

func (s *SMTP) setTLS(policy string) error {
	switch {
	case s.implicit:
		return errors.New("smtps:// is always TLS; tls= is for smtp://")
	case policy == "required":
		s.policy = gomail.TLSMandatory
	case policy == "opportunistic":
		s.policy = gomail.TLSOpportunistic
	case policy == "none":
		s.policy = gomail.NoTLS
	default:
		return errors.New("tls= is required, opportunistic or none")
	}
	return nil
}

func (s *SMTP) setCA(file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("the mail server's ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without certificates of its own
	}
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("the mail server's ca: %s has no certificate in PEM form", file)
	}
	s.tls.RootCAs = pool
	return nil
}

// isThisMachine names the hosts to which a password may go in the clear.
func isThisMachine(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// Send hands the mail to the server. A 5xx answer about the mail wraps
// [ErrRefused]; one about ourselves, such as a wrong password, does not,
// because the mail is as good as before once that is put right.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	if err := m.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("cannot reach the mail server: %w", err)
	}
	defer conn.Close()
	// The library renews its deadlines as it goes and knows nothing of ctx, so
	// the line is cut when the time is over.
	cut := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer cut()
	err = s.talk(ctx, conn, m)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("the mail server took too long: %w", ctx.Err())
	}
	return err
}

// dial opens a connection, with TLS if that comes first.
func (s *SMTP) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	address := net.JoinHostPort(s.host, strconv.Itoa(s.port))
	conn, err := s.connect(ctx, "tcp", address)
	if err != nil || !s.implicit {
		return conn, err
	}
	encrypted := tls.Client(conn, s.tls)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return encrypted, nil
}

// Reach opens a connection to the server and closes it again, to learn whether
// there is one.
func (s *SMTP) Reach(ctx context.Context) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}

// talk sends the mail over a connection, which it may leave open.
func (s *SMTP) talk(ctx context.Context, conn net.Conn, m Mail) error {
	client, err := s.client(conn, m)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("cannot sign in to the mail server: %w", withoutWords(err))
	}
	msg := m.message()
	err = client.SendWithSMTPClient(session, msg)
	if msg.IsDelivered() {
		// The server has taken it. Whatever came after is its own affair.
		_ = client.CloseWithSMTPClient(session)
		return nil
	}
	return refusal(err)
}

// client is made for each mail: it takes up the connection of that mail.
func (s *SMTP) client(conn net.Conn, m Mail) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(sendTimeout), gomail.WithTLSConfig(s.tls.Clone()),
		// One mail a connection: there is nothing to probe or to reset.
		gomail.WithoutNoop(), gomail.WithoutRset(),
		gomail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }),
	}
	if s.implicit {
		options = append(options, gomail.WithSSL())
	} else {
		options = append(options, gomail.WithTLSPolicy(s.policy))
	}
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password().Reveal()),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	if isASCII(m.FromAddress) && isASCII(m.To) {
		// A mail that asks for SMTPUTF8 (RFC 6531) goes no further than to
		// the first server without it, so only those ask that need it.
		options = append(options, gomail.WithoutSMTPUTF8())
	}
	return gomail.NewClient(s.host, options...)
}

// message writes the mail. Its Message-ID follows from its id, so that one
// that was sent twice can be recognised as one.
func (m Mail) message() *gomail.Msg {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&netmail.Address{Name: unencoded(m.FromName), Address: m.FromAddress})
	msg.ToMailAddress(&netmail.Address{Address: m.To})
	msg.Subject(unencoded(m.Subject))
	_, domain, _ := strings.Cut(m.FromAddress, "@")
	msg.SetMessageIDWithValue(string(m.ID) + "@" + domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg
}

// unencoded breaks up what a reader would take for an encoded word (RFC 2047),
// which can hold the line break that is refused in the open.
func unencoded(s string) string { return strings.ReplaceAll(s, "=?", "= ?") }

// refusal says what the server answered, without its words: they may quote
// the mail.
func refusal(err error) error {
	fault, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return fmt.Errorf("cannot send to the mail server: %w", withoutWords(err))
	}
	code := fault.ErrorCode()
	if code == 0 {
		return fmt.Errorf("the connection to the mail server broke at %s", fault.Reason)
	}
	answer := strings.TrimSpace(fmt.Sprintf("%d %s", code, fault.EnhancedStatusCode()))
	if code/100 != 5 || isAboutUs(code) {
		return fmt.Errorf("the mail server answered %s at %s", answer, fault.Reason)
	}
	return fmt.Errorf("%w: the mail server answered %s at %s", ErrRefused, answer, fault.Reason)
}

// isAboutUs reports whether an answer says that we have not signed in as we
// should (RFC 4954 section 6), which is no fault of the mail.
func isAboutUs(code int) bool { return code == 530 || code == 534 || code == 535 || code == 538 }

// withoutWords keeps the number of a server's answer and drops its words.
func withoutWords(err error) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("it answered %d", answer.Code)
	}
	return err
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
