package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// check refuses values that no command can use.
func (l *Loaded) check() error {
	c := l.Config
	if levels := []string{"debug", "info", "warn", "error"}; !slices.Contains(levels, c.LogLevel) {
		return fail("", "log.level is %s, not %q", strings.Join(levels, ", "), c.LogLevel)
	}
	if formats := []string{"text", "json"}; !slices.Contains(formats, c.LogFormat) {
		return fail("", "log.format is %s, not %q", strings.Join(formats, " or "), c.LogFormat)
	}
	for _, text := range c.TrustedProxies {
		_, isNetwork := netip.ParsePrefix(text)
		_, isAddress := netip.ParseAddr(text)
		if isNetwork != nil && isAddress != nil {
			return fail("", "trusted_proxies has %q, which is neither an address nor a network such as 10.0.0.0/8", text)
		}
	}
	if (c.TLSCertificate == "") != (c.TLSKey == "") {
		set, missing := "tls.certificate", "tls.key"
		if c.TLSCertificate == "" {
			set, missing = missing, set
		}
		return fail("Set both, or neither and have a proxy speak TLS.", "%s is set and %s is not", set, missing)
	}
	if c.TLSKey != "" {
		l.warnIfOpen("tls.key", c.TLSKey)
	}
	if c.MaxConnections < 0 {
		return fail("", "max_connections is a number from 0, which is no bound; not %d", c.MaxConnections)
	}
	if c.ImportSize < 0 || c.ImportSize > 1<<20 {
		return fail("", "import.max_size is from 0 to 1048576 MiB, not %d", c.ImportSize)
	}
	// argon2 takes at least 8 KiB (RFC 9106 section 3.1).
	if c.HashMemory < 8 || c.HashMemory > 4<<20 {
		return fail("", "hash.memory is from 8 KiB to 4 GiB, not %d KiB", c.HashMemory)
	}
	if c.HashPasses < 1 || c.HashPasses > 100 {
		return fail("", "hash.passes is from 1 to 100, not %d", c.HashPasses)
	}
	if c.DrainDelay < 0 || c.DrainDelay > 300 {
		return fail("", "drain_delay is from 0 to 300 seconds, not %d", c.DrainDelay)
	}
	for key, address := range map[string]string{"sms.twilio_url": c.TwilioURL, "captcha.url": c.CaptchaURL, "breaches.url": c.BreachesURL} {
		if address == "" {
			continue
		}
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "https" && (u.Scheme != "http" || !isThisMachine(u.Hostname()))) {
			return fail("", "%s is an https address without user and query, or an http address on this machine", key)
		}
	}
	if c.PublicURL != "" {
		return CheckPublicURL(c.PublicURL)
	}
	return nil
}

// CheckPublicURL says why a text cannot be the server's public address: it is
// https and a host, or http and a host on this machine.
func CheckPublicURL(text string) error {
	const hint = "Set GATEHOUSE_PUBLIC_URL or --public-url to the address by which browsers reach the server, such as https://id.example.org."
	if text == "" {
		return fail(hint, "the public URL is not set")
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return fail(hint, "the public URL %q is not of the form https://host", text)
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return fail(hint, "the public URL %q has more than a scheme, a host and a port", u.Redacted())
	}
	if u.Scheme == "http" && !isThisMachine(u.Hostname()) {
		return fail(hint, "the public URL %q is http: passwords and tokens leave this machine over https only", text)
	}
	return nil
}

func isThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (ip != nil && ip.IsLoopback())
}

// CheckServe says what a server lacks, beyond what [Load] checks: it is called
// after [Loaded.FindMasterKey].
func (l *Loaded) CheckServe() error { return CheckPublicURL(l.PublicURL) }
