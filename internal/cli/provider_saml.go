package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/source"
)

// samlFlags are what only SAML providers have.
type samlFlags struct {
	metadata, emailAttribute, unsolicitedURL string
	unsolicited, post                        bool
}

func (f *samlFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.metadata, "saml-metadata", "", "read what a SAML provider says of itself from this `FILE`; -: from standard input")
	cmd.Flags().StringVar(&f.emailAttribute, "saml-email-attribute", "", "the `NAME` of the SAML attribute that has the e-mail address; without it, the name identifier and the usual ones")
	cmd.Flags().BoolVar(&f.post, "saml-post", false, "send SAML requests in a form in place of the address")
	cmd.Flags().BoolVar(&f.unsolicited, "saml-unsolicited", false, "people may begin at the SAML provider: read docs/saml.md before")
	cmd.Flags().StringVar(&f.unsolicitedURL, "saml-unsolicited-url", "", "to which `URL` of the application they come then; without it, to the pool's pages")
}

// apply lays what was given over a provider, and nothing else.
func (f *samlFlags) apply(cmd *cobra.Command, c *console, p *core.Provider) error {
	given := cmd.Flags().Changed
	own := core.SAMLProvider{}
	if p.SAML != nil {
		own = *p.SAML
	}
	if given("saml-metadata") {
		issuer, said, err := f.read(c.In)
		if err != nil {
			return err
		}
		p.Kind, p.Issuer = core.ProviderSAML, issuer
		own.SignInURL, own.Certificates, own.PostRequests = said.SignInURL, said.Certificates, said.PostRequests
	}
	if given("saml-email-attribute") {
		own.EmailAttribute = f.emailAttribute
	}
	if given("saml-post") {
		own.PostRequests = f.post
	}
	if given("saml-unsolicited") {
		own.Unsolicited = f.unsolicited
	}
	if given("saml-unsolicited-url") {
		own.UnsolicitedURL = f.unsolicitedURL
	}
	if p.Kind == core.ProviderSAML {
		p.SAML = &own
		return nil
	}
	for _, flag := range []string{"saml-email-attribute", "saml-post", "saml-unsolicited", "saml-unsolicited-url"} {
		if given(flag) {
			return usage(cmd, "--%s is for a SAML provider, and %s is none", flag, p.Name)
		}
	}
	return nil
}

// read reads the metadata of a provider.
func (f *samlFlags) read(in io.Reader) (string, core.SAMLProvider, error) {
	const most = 1<<20 + 1 // one more than is taken
	if f.metadata != "-" {
		file, err := os.Open(f.metadata)
		if err != nil {
			return "", core.SAMLProvider{}, fmt.Errorf("cannot read the metadata: %w", err)
		}
		defer func() { _ = file.Close() }() // it is only read
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return "", core.SAMLProvider{}, fmt.Errorf("cannot read the metadata: %w", err)
	}
	issuer, p, err := source.ReadMetadata(raw, time.Now())
	if err != nil {
		return "", core.SAMLProvider{}, fail("Ask the provider for the metadata of an identity provider for SAML 2.0, as one EntityDescriptor.", "the metadata is not taken: %v", err)
	}
	return issuer, p, nil
}
