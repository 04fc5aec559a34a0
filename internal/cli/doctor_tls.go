package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// renewDoubt is how long before its end a certificate should have been renewed.
const renewDoubt = 14 * 24 * time.Hour

// examineTLS looks at the certificate as a browser would, but for who vouches
// for it: that may be somebody whom only this house knows.
func examineTLS(_ context.Context, x *exam) finding {
	if x.config == nil {
		return notLooked("there is no configuration")
	}
	if x.config.TLSCertificate == "" {
		if strings.HasPrefix(x.config.PublicURL, "https://") {
			return finding{State: fine, Found: "left to a proxy: the server speaks HTTP"}
		}
		return finding{State: fine, Found: "not set; nothing here is https"}
	}
	for _, path := range []string{x.config.TLSCertificate, x.config.TLSKey} {
		if _, err := os.ReadFile(path); err != nil {
			return finding{State: failing, Found: "cannot read the TLS files: " + sentence(err), Remedy: "Check GATEHOUSE_TLS_CERTIFICATE and GATEHOUSE_TLS_KEY, and that the server's user may read both files."}
		}
	}
	pair, err := tls.LoadX509KeyPair(x.config.TLSCertificate, x.config.TLSKey)
	if err != nil {
		return finding{
			State: failing, Found: fmt.Sprintf("%s and %s are no pair: %s", x.config.TLSCertificate, x.config.TLSKey, sentence(err)),
			Remedy: "Give the PEM file with the certificate first, and the PEM file with the key that it was made for.",
		}
	}
	return judge(pair, x.config.PublicURL, time.Now())
}

// judge says whether a certificate is good for the public URL at a time.
func judge(pair tls.Certificate, public string, now time.Time) finding {
	leaf := pair.Leaf
	if u, err := url.Parse(public); err == nil && u.Host != "" {
		if u.Scheme == "http" {
			return finding{State: doubt, Found: "there is a certificate, and the public URL is http", Remedy: "Set GATEHOUSE_PUBLIC_URL to the https:// address."}
		}
		if err := leaf.VerifyHostname(u.Hostname()); err != nil {
			return finding{
				State: failing, Found: fmt.Sprintf("the certificate is not for %s: it names %s", u.Hostname(), strings.Join(leaf.DNSNames, ", ")),
				Remedy: "Have one issued for the host of the public URL, and for those of the pools that have one of their own.",
			}
		}
	}
	const day = "2006-01-02"
	switch {
	case now.After(leaf.NotAfter):
		return finding{State: failing, Found: "the certificate expired on " + leaf.NotAfter.UTC().Format(day), Remedy: "Renew it: a running server reads the new files by itself."}
	case now.Before(leaf.NotBefore):
		return finding{State: failing, Found: "the certificate is not valid before " + leaf.NotBefore.UTC().Format(day), Remedy: "Check this machine's clock, or wait."}
	case now.Add(renewDoubt).After(leaf.NotAfter):
		return finding{State: doubt, Found: "the certificate expires on " + leaf.NotAfter.UTC().Format(day), Remedy: "Renew it: a running server reads the new files by itself."}
	}
	return finding{State: fine, Found: "the certificate and its key fit, until " + leaf.NotAfter.UTC().Format(day)}
}
