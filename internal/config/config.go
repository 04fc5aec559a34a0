// Package config is what one process is told from outside: addresses, the
// database, keys, the log. It is read once at the start, from one file, the
// environment and flags, and handed on as values. It is the only place that
// reads the environment.
//
// What two pools may want different is no configuration but a setting: see
// core.Settings.
package config

import "github.com/gatehouse-id/gatehouse/internal/secret"

// Config is the configuration of a process. Each field has a line in the table
// in table.go, with its key, its environment variable, default and meaning.
type Config struct {
	Database         string
	MasterKey        secret.Text
	Listen           string
	AdminListen      string
	PublicURL        string // without a slash at its end
	TrustedProxies   []string
	OutboundAllow    []string
	TLSCertificate   string      // the path of a PEM file; empty: a proxy speaks TLS
	TLSKey           string      // the path of a PEM file
	MaxConnections   int         // 0: no bound
	ImportSize       int         // MiB of a file that is uploaded
	SMTP             secret.Text // a URL, with a password in it
	MailFromAddress  string
	MailFromName     string
	TwilioURL        string // without a slash at its end; empty: Twilio's own
	CaptchaURL       string // empty: each service's own
	BreachesFile     string // the path of a list; empty: there is none
	BreachesURL      string // without a slash at its end; empty: the service's own
	GeoIPFile        string // the path of a file in MaxMind DB format; empty: no place is known
	DisposableFile   string // the path of a list of domains; empty: the built-in one
	LogLevel         string // debug, info, warn, error
	LogFormat        string // text, json
	Migrate          bool   // bring the schema up to date at the start
	UnsafeDurability bool
	HashMemory       int // KiB
	HashPasses       int
	DrainDelay       int // seconds
}
