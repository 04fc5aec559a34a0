package config

// Line is one line of the table of configuration: a field of [Config], and how
// it is set from outside.
type Line struct {
	Key     string // in the configuration file
	Env     string // the environment variable
	Default string // as it would be written in the environment
	InDev   string // the default of `gatehouse dev`, where it differs
	Meaning string
	Secret  bool // may come from a file of its own, and is shown masked
	field   func(*Config) any
}

// Table is the whole configuration: one line for each field of [Config].
func Table() []Line {
	return []Line{
		{Key: "database", Env: "GATEHOUSE_DATABASE", Default: "sqlite:data/gatehouse.db", Secret: true,
			Meaning: "Where everything is kept: sqlite:PATH, or postgres://user:password@host/name for PostgreSQL 15 or later.",
			field:   func(c *Config) any { return &c.Database }},
		{Key: "master_key", Env: "GATEHOUSE_MASTER_KEY", Secret: true,
			Meaning: "The key that seals the working keys in the database: 32 bytes in hexadecimal or base64, as `openssl rand -base64 32` makes them. Several are separated by commas: the first one seals, the others only open. `serve` needs it; `dev` makes one and keeps it in PATH.key beside the SQLite file (data/master.key for PostgreSQL), where the other commands find it.",
			field:   func(c *Config) any { return &c.MasterKey }},
		{Key: "listen", Env: "GATEHOUSE_LISTEN", Default: ":8400", InDev: "localhost:8400",
			Meaning: "The address on which applications and browsers are answered.",
			field:   func(c *Config) any { return &c.Listen }},
		{Key: "admin_listen", Env: "GATEHOUSE_ADMIN_LISTEN",
			Meaning: "The address on which /livez, /readyz and /metrics are answered. Empty: 127.0.0.1 with the port after that of listen.",
			field:   func(c *Config) any { return &c.AdminListen }},
		{Key: "public_url", Env: "GATEHOUSE_PUBLIC_URL",
			Meaning: "The address by which browsers reach the server, as links in mails and redirects name it: https, or http on this machine only. `serve` needs it; empty in development: http://localhost with the port of listen.",
			field:   func(c *Config) any { return &c.PublicURL }},
		{Key: "trusted_proxies", Env: "GATEHOUSE_TRUSTED_PROXIES",
			Meaning: "Addresses and networks of the proxies whose X-Forwarded-For is believed, separated by commas.",
			field:   func(c *Config) any { return &c.TrustedProxies }},
		{Key: "tls.certificate", Env: "GATEHOUSE_TLS_CERTIFICATE",
			Meaning: "The PEM file with the certificate for the public address, and those that vouch for it behind. With tls.key the server speaks TLS itself, and needs no proxy. The files are read anew when they change. Empty: HTTP, for a proxy to stand before.",
			field:   func(c *Config) any { return &c.TLSCertificate }},
		{Key: "tls.key", Env: "GATEHOUSE_TLS_KEY",
			Meaning: "The PEM file with the certificate's private key.",
			field:   func(c *Config) any { return &c.TLSKey }},
		{Key: "max_connections", Env: "GATEHOUSE_MAX_CONNECTIONS", Default: "4096",
			Meaning: "How many connections there may be at once on the public address; whoever comes then waits until one ends. 0: no bound.",
			field:   func(c *Config) any { return &c.MaxConnections }},
		{Key: "import.max_size", Env: "GATEHOUSE_IMPORT_MAX_SIZE", Default: "1024",
			Meaning: "How large a file may be that an application uploads to bring people over, in MiB. Until it is imported, it takes so much room in the database. 0: applications upload none.",
			field:   func(c *Config) any { return &c.ImportSize }},
		{Key: "mail.smtp", Env: "GATEHOUSE_MAIL_SMTP", Secret: true,
			Meaning: "The mail server: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465. Empty: mail waits in line; in development it is caught and shown at /dev/inbox.",
			field:   func(c *Config) any { return &c.SMTP }},
		{Key: "mail.from_address", Env: "GATEHOUSE_MAIL_FROM_ADDRESS", Default: "gatehouse@localhost",
			Meaning: "The sender's address on mails of pools that set none.",
			field:   func(c *Config) any { return &c.MailFromAddress }},
		{Key: "mail.from_name", Env: "GATEHOUSE_MAIL_FROM_NAME",
			Meaning: "The sender's name on mails of pools that set none. Empty: the pool's name.",
			field:   func(c *Config) any { return &c.MailFromName }},
		{Key: "sms.twilio_url", Env: "GATEHOUSE_SMS_TWILIO_URL",
			Meaning: "Where Twilio's API is, for pools whose text messages leave by it: https, or http on this machine only. Empty: https://api.twilio.com. Others are for its regions, and for tests.",
			field:   func(c *Config) any { return &c.TwilioURL }},
		{Key: "captcha.url", Env: "GATEHOUSE_CAPTCHA_URL",
			Meaning: "Where captchas are checked that pools have from a service (reCAPTCHA, hCaptcha, Turnstile): https, or http on this machine only. The pool's secret goes there. Empty: each service's own address. Others are for a proxy of yours, and for tests.",
			field:   func(c *Config) any { return &c.CaptchaURL }},
		{Key: "outbound_allow", Env: "GATEHOUSE_OUTBOUND_ALLOW", InDev: "127.0.0.0/8,::1",
			Meaning: "Which addresses of its own network the server may call where a pool names them (sms.webhook_url, signin.providers, and the addresses at which applications are told of logouts), separated by commas: addresses, networks such as 10.0.0.0/8, and hosts with a port such as idp.internal:8443. Others are called on port 443 only, if they are public.",
			field:   func(c *Config) any { return &c.OutboundAllow }},
		{Key: "breaches.file", Env: "GATEHOUSE_BREACHES_FILE",
			Meaning: "A list of passwords that are known from breaches, which no pool takes then (password.breached): a line for each SHA-1 hash in hexadecimal, in ascending order, as \"Pwned Passwords\" can be downloaded. It is searched where it lies, and takes no memory. Empty: none.",
			field:   func(c *Config) any { return &c.BreachesFile }},
		{Key: "breaches.url", Env: "GATEHOUSE_BREACHES_URL",
			Meaning: "Where pools ask that also want to know from a service (password.breached_service): https, or http on this machine only. GET /range/ and five digits below it answers as the API of \"Pwned Passwords\" does. Empty: https://api.pwnedpasswords.com.",
			field:   func(c *Config) any { return &c.BreachesURL }},
		{Key: "geoip_file", Env: "GATEHOUSE_GEOIP_FILE",
			Meaning: "The file in MaxMind DB format that says where addresses are, such as GeoLite2-City.mmdb, for the rules about countries and travel. It is kept in memory, and read anew when it changes. Empty: no place is known.",
			field:   func(c *Config) any { return &c.GeoIPFile }},
		{Key: "disposable_domains", Env: "GATEHOUSE_DISPOSABLE_DOMAINS",
			Meaning: "The file that lists domains of e-mail addresses made to be thrown away, one on each line, in place of the built-in list. It is read anew when it changes.",
			field:   func(c *Config) any { return &c.DisposableFile }},
		{Key: "log.level", Env: "GATEHOUSE_LOG_LEVEL", Default: "info",
			Meaning: "What is logged: debug, info, warn or error, and all that is worse.",
			field:   func(c *Config) any { return &c.LogLevel }},
		{Key: "log.format", Env: "GATEHOUSE_LOG_FORMAT", Default: "json", InDev: "text",
			Meaning: "How it is logged on standard error: json or text.",
			field:   func(c *Config) any { return &c.LogFormat }},
		{Key: "migrate", Env: "GATEHOUSE_MIGRATE", Default: "true",
			Meaning: "Whether the database's schema is brought up to date at the start. Without it a start with an old schema is refused.",
			field:   func(c *Config) any { return &c.Migrate }},
		{Key: "drain_delay", Env: "GATEHOUSE_DRAIN_DELAY", Default: "0",
			Meaning: "For how many seconds a server that was told to stop goes on answering, while /readyz already says that it stops: longer than a balancer takes to look.",
			field:   func(c *Config) any { return &c.DrainDelay }},
		{Key: "unsafe_durability", Env: "GATEHOUSE_UNSAFE_DURABILITY", Default: "false",
			Meaning: "Whether the database may acknowledge what a power failure can take back. For throw-away data only.",
			field:   func(c *Config) any { return &c.UnsafeDurability }},
		{Key: "hash.memory", Env: "GATEHOUSE_HASH_MEMORY", Default: "19456",
			Meaning: "The memory that one password hash takes, in KiB.",
			field:   func(c *Config) any { return &c.HashMemory }},
		{Key: "hash.passes", Env: "GATEHOUSE_HASH_PASSES", Default: "2",
			Meaning: "The passes over that memory.",
			field:   func(c *Config) any { return &c.HashPasses }},
	}
}

// fileSuffix is what makes the name of a secret into that of the file it is in.
const fileSuffix = "_file"

// defaultFor is the line's default for a kind of command.
func (l Line) defaultFor(p Purpose) string {
	if p == ForDev && l.InDev != "" {
		return l.InDev
	}
	return l.Default
}
