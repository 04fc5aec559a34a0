package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// applicationAnswer is an application as programs read it.
type applicationAnswer struct {
	AppID           core.ApplicationID `json:"app_id"`
	ClientID        string             `json:"client_id"`
	Name            string             `json:"name"`
	Grants          []core.GrantKind   `json:"grants"`
	Auth            core.ClientAuth    `json:"auth"`
	Redirects       []string           `json:"redirects"`
	LogoutRedirects []string           `json:"logout_redirects"`
	BackLogout      string             `json:"backchannel_logout"`
	Scopes          []string           `json:"scopes"`
	DefaultScopes   []string           `json:"default_scopes"`
	Audience        []string           `json:"audience"`
	TokenLife       core.Duration      `json:"token_life"`
	CreatedAt       time.Time          `json:"created_at"`
	UpdatedAt       time.Time          `json:"updated_at,omitzero"`
	ClientSecret    string             `json:"client_secret,omitempty"` // this once
}

func newApplicationAnswer(a core.Application) applicationAnswer {
	some := func(list []string) []string { return append([]string{}, list...) }
	c := a.Client
	return applicationAnswer{
		AppID: a.ID, ClientID: pangea.ClientID(a.ID), Name: a.Name, Grants: append([]core.GrantKind{}, c.Grants...), Auth: c.Auth, Redirects: some(c.Redirects), LogoutRedirects: some(c.LogoutRedirects), BackLogout: c.BackchannelLogout,
		Scopes: some(c.Scopes), DefaultScopes: some(c.DefaultScopes), Audience: some(c.Audience), TokenLife: c.TokenLife, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}

func (a applicationAnswer) write(w io.Writer) error {
	var grants []string
	for _, grant := range a.Grants {
		if grant == core.GrantDevice {
			grant = deviceGrant
		}
		grants = append(grants, string(grant))
	}
	rows := [][2]string{
		{"application", string(a.AppID)}, {"client id", a.ClientID}, {"name", plain(a.Name)}, {"grants", strings.Join(grants, " ")}, {"auth", string(a.Auth)},
		{"redirects", strings.Join(a.Redirects, " ")}, {"logout redirects", strings.Join(a.LogoutRedirects, " ")}, {"backchannel logout", plain(a.BackLogout)},
		{"scopes", strings.Join(a.Scopes, " ")}, {"default scopes", strings.Join(a.DefaultScopes, " ")}, {"audience", plain(strings.Join(a.Audience, " "))},
		{"created", when(a.CreatedAt)}, {"changed", when(a.UpdatedAt)},
	}
	if a.TokenLife > 0 {
		rows = append(rows, [2]string{"token life", time.Duration(a.TokenLife).String()})
	}
	if a.ClientSecret != "" {
		rows = append(rows, [2]string{"client secret", a.ClientSecret})
	}
	return pairs(w, rows)
}

func (c *console) application() *cobra.Command {
	return c.group("app", "Manage the applications of a pool, to which people sign in by OAuth 2.0 and OpenID Connect.", "gatehouse app list demo",
		c.applicationAdd(), c.applicationList(), c.applicationShow(), c.applicationSet(), c.applicationRemove(), c.applicationSecret())
}

// clientFlags are the flags that say what an application is.
type clientFlags struct {
	name                                                                 string
	grants, redirects, logoutRedirects, scopes, defaultScopes, audiences []string
	auth, backchannelLogout                                              string
	public                                                               bool
	tokenLife                                                            time.Duration
}

func (f *clientFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.grants, "grant", nil, "a `KIND` of grant: authorization_code, refresh_token, client_credentials, device_code; may be repeated")
	flags.StringArrayVar(&f.redirects, "redirect", nil, "a `URL` to which people are sent back; may be repeated")
	flags.StringArrayVar(&f.logoutRedirects, "logout-redirect", nil, "a `URL` to which people are sent who sign out; may be repeated")
	flags.StringVar(&f.backchannelLogout, "backchannel-logout", "", "a `URL` at which it is told when a session ends that it was given; empty: it is not")
	flags.StringArrayVar(&f.scopes, "scope", nil, "a `SCOPE` that it may ask for; may be repeated")
	flags.StringArrayVar(&f.defaultScopes, "default-scope", nil, "a `SCOPE` that it gets where it asks for none; may be repeated")
	flags.StringArrayVar(&f.audiences, "audience", nil, "for `WHOM` its access tokens are, besides oauth.audience; may be repeated")
	flags.StringVar(&f.auth, "auth", "", "`HOW` it proves who it is: client_secret_basic, client_secret_post or none")
	flags.BoolVar(&f.public, "public", false, "it runs in people's hands and keeps no secret: --auth none")
	flags.DurationVar(&f.tokenLife, "token-life", 0, "how long its access tokens work, as a `DURATION`; 0: as the pool says")
}

// apply lays the flags that were given over an application, and names them. A
// list that is given takes the place of the one before; one empty text empties
// it.
func (f *clientFlags) apply(cmd *cobra.Command, a *core.Application) (names []string) {
	flags := cmd.Flags()
	list := func(name string, from []string, into *[]string) {
		if flags.Changed(name) {
			if len(from) == 1 && from[0] == "" {
				from = nil
			}
			*into, names = from, append(names, name)
		}
	}
	if flags.Changed("name") {
		a.Name, names = f.name, append(names, "name")
	}
	c := &a.Client
	if flags.Changed("grant") {
		c.Grants, names = nil, append(names, "grant")
		for _, grant := range f.grants {
			if grant != "" {
				c.Grants = append(c.Grants, readGrant(grant))
			}
		}
	}
	list("redirect", f.redirects, &c.Redirects)
	list("logout-redirect", f.logoutRedirects, &c.LogoutRedirects)
	if flags.Changed("backchannel-logout") {
		c.BackchannelLogout, names = f.backchannelLogout, append(names, "backchannel-logout")
	}
	list("scope", f.scopes, &c.Scopes)
	list("default-scope", f.defaultScopes, &c.DefaultScopes)
	list("audience", f.audiences, &c.Audience)
	if flags.Changed("auth") {
		c.Auth, names = core.ClientAuth(f.auth), append(names, "auth")
	}
	if f.public {
		c.Auth, names = core.ClientAuthNone, append(names, "auth")
	}
	if flags.Changed("token-life") {
		c.TokenLife, names = core.Duration(f.tokenLife), append(names, "token-life")
	}
	return names
}

// deviceGrant is how the grant for device codes is called here: its own name is
// a long one.
const deviceGrant = "device_code"

// readGrant reads the name of a kind of grant.
func readGrant(text string) core.GrantKind {
	if text == deviceGrant {
		return core.GrantDevice
	}
	return core.GrantKind(text)
}

func (c *console) applicationAdd() *cobra.Command {
	var f clientFlags
	cmd := c.command("add POOL NAME", "Add an application, and show its secret this once.", "gatehouse app add demo Shop --redirect https://shop.example.org/callback",
		func(cmd *cobra.Command, args []string) error {
			a := core.Application{Name: args[1], Client: core.Client{
				Grants: []core.GrantKind{core.GrantCode, core.GrantRefresh}, Auth: core.ClientAuthBasic, Scopes: []string{core.ScopeOpenID, core.ScopeProfile, core.ScopeEmail},
			}}
			if len(f.redirects) == 0 && !slices.ContainsFunc(f.grants, func(grant string) bool { return readGrant(grant) == core.GrantDevice }) {
				a.Client.Grants, a.Client.Scopes = []core.GrantKind{core.GrantClient}, nil
			}
			f.apply(cmd, &a)
			if !cmd.Flags().Changed("default-scope") {
				a.Client.DefaultScopes = a.Client.Scopes
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				if a, err = d.pools.AddApplication(ctx, caller, a); err != nil {
					return err
				}
				answer := newApplicationAnswer(a)
				if !a.Client.Public() {
					_, text, err := d.pools.AddSecret(ctx, caller, a.ID, defaultSecret())
					if err != nil {
						return err
					}
					answer.ClientSecret = pangea.ClientSecret(text).Reveal()
				}
				return c.answer(answer, func(w io.Writer) error {
					if answer.ClientSecret != "" {
						c.say("The secret is not shown again. Keep it as what it is.")
					}
					return answer.write(w)
				})
			})
		})
	f.register(cmd)
	return cmd
}

func (c *console) applicationList() *cobra.Command {
	return c.command("list POOL", "List a pool's applications.", "gatehouse app list demo",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				all, err := d.pools.Applications(ctx, caller)
				if err != nil {
					return err
				}
				answers := []applicationAnswer{}
				rows := [][]string{{"APPLICATION", "CLIENT ID", "NAME", "AUTH", "CREATED"}}
				for _, one := range all {
					a := newApplicationAnswer(one)
					answers = append(answers, a)
					rows = append(rows, []string{string(a.AppID), a.ClientID, plain(shorten(a.Name, 40)), string(a.Auth), when(a.CreatedAt)})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

func (c *console) applicationShow() *cobra.Command {
	return c.command("show POOL APP", "Show an application: APP is its client id, its id, or its name.", "gatehouse app show demo Shop",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				a, _, err := d.findApplication(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				answer := newApplicationAnswer(a)
				return c.answer(answer, answer.write)
			})
		})
}

func (c *console) applicationSet() *cobra.Command {
	var f clientFlags
	cmd := c.command("set POOL APP", "Change an application. A list that is given takes the place of the one before; \"\" empties it.", "gatehouse app set demo Shop --redirect https://shop.example.org/callback --scope openid --scope email",
		func(cmd *cobra.Command, args []string) error {
			if names := f.apply(cmd, &core.Application{}); len(names) == 0 {
				return usage(cmd, "nothing is to be changed")
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				a, caller, err := d.findApplication(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				a, err = d.pools.ChangeApplication(ctx, caller, a.ID, func(a *core.Application) []string { return f.apply(cmd, a) })
				if err != nil {
					return err
				}
				answer := newApplicationAnswer(a)
				return c.answer(answer, answer.write)
			})
		})
	f.register(cmd)
	cmd.Flags().StringVar(&f.name, "name", "", "its `NAME`, which people see where they are asked what it may have")
	return cmd
}

func (c *console) applicationRemove() *cobra.Command {
	return c.command("remove POOL APP", "Remove an application: people's sessions with it end, on every running server too.", "gatehouse app remove demo Shop",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				a, caller, err := d.findApplication(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				if err := d.pools.RemoveApplication(ctx, caller, a.ID); err != nil {
					return err
				}
				return c.answer(map[string]any{"app_id": a.ID, "removed": true}, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, "removed", a.ID)
					return err
				})
			})
		})
}

// findApplication returns the application of an argument and the operator as a
// caller in its pool. A name counts where one application alone has it.
func (d *desk) findApplication(ctx context.Context, poolArg, text string) (core.Application, core.Caller, error) {
	p, caller, err := d.find(ctx, poolArg)
	if err != nil {
		return core.Application{}, caller, err
	}
	all, err := d.pools.Applications(ctx, caller)
	if err != nil {
		return core.Application{}, caller, err
	}
	var named []core.Application
	for _, a := range all {
		if string(a.ID) == text || pangea.ClientID(a.ID) == text {
			return a, caller, nil
		}
		if a.Name == text {
			named = append(named, a)
		}
	}
	hint := "`gatehouse app list " + p.Name + "` shows them."
	switch len(named) {
	case 0:
		return core.Application{}, caller, fail(hint, "the pool %s has no application %q", p.Name, text)
	case 1:
		return named[0], caller, nil
	default:
		return core.Application{}, caller, fail(hint, "the pool %s has %d applications %q: name one by its id", p.Name, len(named), text)
	}
}
