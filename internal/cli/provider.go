package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/app"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/source"
)

// providerAnswer is a provider as it is set up, without its secret.
type providerAnswer struct {
	core.Provider
	CallbackURL string `json:"callback_url,omitempty"` // to be registered there
	MetadataURL string `json:"metadata_url,omitempty"` // of a SAML provider: to be given to it
	SecretGiven bool   `json:"secret_given"`
}

func (a providerAnswer) write(w io.Writer) error {
	state := "on"
	if a.Disabled {
		state = "off"
	}
	return pairs(w, [][2]string{
		{"provider", a.Name}, {"kind", string(a.Kind)}, {"label", a.Title()}, {"state", state}, {"issuer", a.Issuer}, {"client id", a.ClientID},
		{"scopes", strings.Join(a.Scopes, " ")}, {"domains", strings.Join(a.Domains, " ")}, {"secret given", fmt.Sprint(a.SecretGiven)}, {"callback address", cmp.Or(a.CallbackURL, "unknown: GATEHOUSE_PUBLIC_URL is not set here")},
		{"our metadata", a.MetadataURL},
	})
}

func (c *console) provider() *cobra.Command {
	return c.group("provider", "Manage the providers through which people come into a pool: Google, GitHub, any OpenID or SAML provider.", "gatehouse provider list demo",
		c.providerAdd(), c.providerList(), c.providerSet(), c.providerRemove())
}

// providerFlags are what add and set take.
type providerFlags struct {
	kind, clientID, issuer, label, secretFile string
	scopes, domains, profile                  []string
	trust, secretInput, disabled              bool
	saml                                      samlFlags
}

func (f *providerFlags) register(cmd *cobra.Command) {
	kinds := []string{}
	for _, k := range oauthKinds() {
		kinds = append(kinds, string(k))
	}
	cmd.Flags().StringVar(&f.kind, "kind", "", "the `KIND`: "+strings.Join(kinds, ", ")+"; without it, what the name says")
	cmd.Flags().StringVar(&f.clientID, "client-id", "", "the `ID` that the provider knows the pool by")
	cmd.Flags().StringVar(&f.issuer, "issuer", "", "the `URL` of an OpenID provider, or of an installation of one's own of a known kind")
	cmd.Flags().StringVar(&f.label, "label", "", "the `TEXT` that people see; without it, the name")
	cmd.Flags().StringArrayVar(&f.scopes, "scope", nil, "a `SCOPE` to ask for besides those that are needed; may be repeated")
	cmd.Flags().StringArrayVar(&f.domains, "domain", nil, "a `DOMAIN` with whose e-mail addresses alone people come in by it; may be repeated")
	cmd.Flags().StringArrayVar(&f.profile, "profile", nil, "a `FIELD=CLAIM` that fills a field of the profile of somebody new; may be repeated")
	cmd.Flags().BoolVar(&f.trust, "trust-email", false, "an address that it calls verified, is")
	cmd.Flags().BoolVar(&f.disabled, "disabled", false, "nobody comes in by it for now")
	cmd.Flags().BoolVar(&f.secretInput, "secret-stdin", false, "read the secret that goes with the client id from standard input")
	cmd.Flags().StringVar(&f.secretFile, "secret-file", "", "read it from this `FILE`")
	f.saml.register(cmd)
}

// oauthKinds are the kinds that this command sets up.
func oauthKinds() []core.ProviderKind {
	return slices.DeleteFunc(core.ProviderKinds(), func(k core.ProviderKind) bool { return k == core.ProviderSAML })
}

// apply lays what was given over a provider, and nothing else.
func (f *providerFlags) apply(cmd *cobra.Command, c *console, p *core.Provider) error {
	given := cmd.Flags().Changed
	if given("kind") {
		p.Kind = core.ProviderKind(f.kind)
	}
	for flag, to := range map[string]struct {
		into *string
		text string
	}{"client-id": {&p.ClientID, f.clientID}, "issuer": {&p.Issuer, f.issuer}, "label": {&p.Label, f.label}} {
		if given(flag) {
			*to.into = to.text
		}
	}
	if given("scope") {
		p.Scopes = f.scopes
	}
	if given("domain") {
		p.Domains = f.domains
	}
	if given("trust-email") {
		p.TrustEmail = f.trust
	}
	if given("disabled") {
		p.Disabled = f.disabled
	}
	if err := f.saml.apply(cmd, c, p); err != nil {
		return err
	}
	if !given("profile") {
		return nil
	}
	p.Profile = map[string]string{}
	for _, text := range f.profile {
		field, claim, ok := strings.Cut(text, "=")
		if !ok || field == "" || claim == "" {
			return usage(cmd, "--profile is FIELD=CLAIM, not %q", text)
		}
		p.Profile[field] = claim
	}
	return nil
}

// secret reads the secret that was given; empty: none was.
func (f *providerFlags) secret(cmd *cobra.Command, c *console) (secret.Text, error) {
	const most = 8192 // more than any secret
	from := c.In
	switch {
	case f.secretFile != "" && f.secretInput:
		return "", usage(cmd, "--secret-stdin and --secret-file are one or the other")
	case f.secretFile != "":
		file, err := os.Open(f.secretFile)
		if err != nil {
			return "", fmt.Errorf("cannot read the secret: %w", err)
		}
		defer func() { _ = file.Close() }() // it is only read
		from = file
	case !f.secretInput:
		return "", nil
	}
	text, err := io.ReadAll(io.LimitReader(from, most))
	if err != nil {
		return "", fmt.Errorf("cannot read the secret: %w", err)
	}
	value := secret.Text(strings.TrimSpace(string(text)))
	if value == "" {
		return "", usage(cmd, "the secret was to be read, and there is none")
	}
	return value, nil
}

func (c *console) providerAdd() *cobra.Command {
	var f providerFlags
	cmd := c.command("add POOL NAME", "Let people come in through a provider, and say which address has to be registered there.", "gatehouse provider add demo google --client-id ID --secret-stdin < secret.txt",
		func(cmd *cobra.Command, args []string) error {
			return c.writeProvider(cmd, &f, args[0], args[1], func(list []core.Provider, at int) ([]core.Provider, int, error) {
				if at >= 0 {
					return nil, 0, fail("`gatehouse provider set` changes it.", "the pool has a provider %q already", args[1])
				}
				p := core.Provider{Name: args[1]}
				if kind := core.ProviderKind(args[1]); slices.Contains(oauthKinds(), kind) {
					p.Kind = kind
				}
				if args[1] == "microsoftonline" { // what one vendor's applications call it
					p.Kind = core.ProviderMicrosoft
				}
				return append(list, p), len(list), nil
			})
		})
	f.register(cmd)
	return cmd
}

func (c *console) providerSet() *cobra.Command {
	var f providerFlags
	cmd := c.command("set POOL NAME", "Change a provider: what is given replaces what was, and the rest stays.", "gatehouse provider set demo google --label \"Google Workspace\" --domain example.org",
		func(cmd *cobra.Command, args []string) error {
			return c.writeProvider(cmd, &f, args[0], args[1], func(list []core.Provider, at int) ([]core.Provider, int, error) {
				if at < 0 {
					return nil, 0, noProvider(args[1])
				}
				return list, at, nil
			})
		})
	f.register(cmd)
	return cmd
}

func noProvider(name string) error {
	return fail("`gatehouse provider list` shows them.", "the pool has no provider %q", name)
}

// writeProvider changes one provider of a pool and gives its secret.
func (c *console) writeProvider(cmd *cobra.Command, f *providerFlags, poolName, name string, find func(list []core.Provider, at int) ([]core.Provider, int, error)) error {
	value, err := f.secret(cmd, c)
	if err != nil {
		return err
	}
	return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
		p, caller, err := d.find(ctx, poolName)
		if err != nil {
			return err
		}
		list := slices.Clone(p.Settings.Providers)
		list, at, err := find(list, slices.IndexFunc(list, func(one core.Provider) bool { return one.Name == name }))
		if err != nil {
			return err
		}
		if err := f.apply(cmd, c, &list[at]); err != nil {
			return err
		}
		if p, err = d.changeProviders(ctx, caller, list); err != nil {
			return err
		}
		if value != "" {
			if err := d.pools.SetSecret(ctx, caller, core.ProviderSecret(name), value); err != nil {
				return err
			}
		}
		answers, err := d.providers(ctx, caller, p)
		if err != nil {
			return err
		}
		a := answers[at]
		return c.answer(a, func(w io.Writer) error {
			if !a.SecretGiven && a.Kind != core.ProviderSAML {
				c.say("The provider has no secret yet: give it with `gatehouse provider set %s %s --secret-stdin`, unless it gave you none.", poolName, name)
			}
			return a.write(w)
		})
	})
}

// changeProviders writes the setting.
func (d *desk) changeProviders(ctx context.Context, caller core.Caller, list []core.Provider) (core.Pool, error) {
	raw, err := json.Marshal(list)
	if err != nil {
		return core.Pool{}, err
	}
	return d.pools.Change(ctx, caller, core.Overrides{"signin.providers": raw})
}

// providers lists a pool's providers as they are told.
func (d *desk) providers(ctx context.Context, caller core.Caller, p core.Pool) ([]providerAnswer, error) {
	secrets, err := d.pools.Secrets(ctx, caller)
	if err != nil {
		return nil, err
	}
	answers := []providerAnswer{}
	for _, one := range p.Settings.Providers {
		a := providerAnswer{Provider: one}
		for _, s := range secrets {
			a.SecretGiven = a.SecretGiven || s.Given && s.Name == core.ProviderSecret(one.Name)
		}
		if public, err := url.Parse(d.config.PublicURL); err == nil && public.Host != "" && one.Kind != core.ProviderSAML {
			a.CallbackURL = flow.CallbackURL(app.PageURL(public, p), one.Name)
		} else if err == nil && public.Host != "" {
			sp := source.NewSAML(app.PageURL(public, p), one, nil)
			a.CallbackURL, a.MetadataURL = sp.ACS, sp.MetadataURL()
		}
		answers = append(answers, a)
	}
	return answers, nil
}

func (c *console) providerList() *cobra.Command {
	return c.command("list POOL", "List the providers of a pool, with the address that has to be registered at each.", "gatehouse provider list demo",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				answers, err := d.providers(ctx, caller, p)
				if err != nil {
					return err
				}
				rows := [][]string{{"PROVIDER", "KIND", "STATE", "SECRET", "CALLBACK ADDRESS"}}
				for _, a := range answers {
					state, given := "on", "no"
					if a.Disabled {
						state = "off"
					}
					if a.SecretGiven {
						given = "yes"
					}
					rows = append(rows, []string{a.Name, string(a.Kind), state, given, a.CallbackURL})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

func (c *console) providerRemove() *cobra.Command {
	return c.command("remove POOL NAME", "Take a provider and its secret away. Who came by it alone sets up their account by mail.", "gatehouse provider remove demo google",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				rest := slices.DeleteFunc(slices.Clone(p.Settings.Providers), func(one core.Provider) bool { return one.Name == args[1] })
				if len(rest) == len(p.Settings.Providers) {
					return noProvider(args[1])
				}
				if _, err := d.changeProviders(ctx, caller, rest); err != nil {
					return err
				}
				a := struct {
					PoolID   core.PoolID `json:"pool_id"`
					Provider string      `json:"provider"`
					Removed  bool        `json:"removed"`
				}{p.ID, args[1], true}
				return c.answer(a, func(w io.Writer) error {
					return pairs(w, [][2]string{{"pool", p.Name}, {"provider", args[1]}, {"removed", "true"}})
				})
			})
		})
}
