package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// presets is the settings with which a pool may begin, by name.
func presets() map[string]func() core.Overrides {
	return map[string]func() core.Overrides{
		"authing": authing.Preset,
		"pangea":  pangea.Preset,
	}
}

func (c *console) pool() *cobra.Command {
	return c.group("pool", "Manage pools: each is one application's people, settings and tokens.", "gatehouse pool list",
		c.poolCreate(), c.poolList(), c.poolSettings(), c.poolSet(), c.poolSecrets(), c.poolSecret(), c.poolExport(), c.poolApply())
}

// createdAnswer is a new pool with the secrets that are shown this once.
type createdAnswer struct {
	PoolID       core.PoolID        `json:"pool_id"`
	Name         string             `json:"name"`
	ServiceToken string             `json:"service_token"`
	ClientToken  string             `json:"client_token"`
	AppID        core.ApplicationID `json:"app_id"`
	AppSecret    string             `json:"app_secret"`
	PoolSecret   string             `json:"pool_secret"`
	PublicKey    string             `json:"public_key"`
}

func newCreatedAnswer(created pool.Created, key pool.PasswordKey) createdAnswer {
	return createdAnswer{
		PoolID: created.Pool.ID, Name: created.Pool.Name,
		ServiceToken: token(core.KeyService, created.ServiceKey), ClientToken: token(core.KeyClient, created.ClientKey),
		AppID: created.Application.ID, AppSecret: created.ApplicationSecret.Reveal(), PoolSecret: created.PoolSecret.Reveal(),
		PublicKey: key.Public,
	}
}

func (c *console) poolCreate() *cobra.Command {
	var callbacks, hosts []string
	var id, preset string
	cmd := c.command("create NAME", "Create a pool and show its tokens this once.", "gatehouse pool create shop --callback https://shop.example.org/callback --json",
		func(cmd *cobra.Command, args []string) error {
			n := pool.NewPool{ID: core.PoolID(id), Name: args[0], Hosts: hosts, Overrides: core.Overrides{}}
			if id != "" && !poolID().MatchString(id) {
				return usage(cmd, "--id is 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
			}
			if preset != "" {
				begin, ok := presets()[preset]
				if !ok {
					return usage(cmd, "--preset is one of %s, not %q", strings.Join(slices.Sorted(maps.Keys(presets())), ", "), preset)
				}
				n.Overrides = begin()
			}
			if len(callbacks) > 0 {
				allowed, err := json.Marshal(callbacks)
				if err != nil {
					return err
				}
				n.Overrides["redirects.allowed"] = allowed
			}
			return c.with(cmd, mayCreate, func(ctx context.Context, d *desk) error {
				created, err := d.pools.Create(ctx, operator(""), n)
				if err != nil {
					return err
				}
				keys, err := d.pools.PasswordKeys(ctx, operator(created.Pool.ID))
				if err != nil {
					return err
				}
				a := newCreatedAnswer(created, keys.Given())
				return c.answer(a, func(w io.Writer) error {
					c.say("The tokens and secrets are not shown again. Keep them as what they are.")
					err := pairs(w, [][2]string{
						{"pool", string(a.PoolID)}, {"name", a.Name}, {"service token", a.ServiceToken}, {"client token", a.ClientToken},
						{"application", string(a.AppID)}, {"application secret", a.AppSecret}, {"pool secret", a.PoolSecret},
					})
					if err != nil {
						return err
					}
					_, err = fmt.Fprint(w, a.PublicKey)
					return err
				})
			})
		})
	cmd.Flags().StringArrayVar(&callbacks, "callback", nil, "a `URL` to which browsers may be sent back; may be repeated")
	cmd.Flags().StringArrayVar(&hosts, "host", nil, "a `HOST` name whose pages are this pool's; may be repeated")
	cmd.Flags().StringVar(&id, "id", "", "an `ID` that applications hold already, instead of a new one")
	cmd.Flags().StringVar(&preset, "preset", "", "the `NAME` of settings to begin with: "+strings.Join(slices.Sorted(maps.Keys(presets())), ", "))
	return cmd
}

// poolID is what a pool's id may be: ours, or one brought from elsewhere.
func poolID() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) }

type poolAnswer struct {
	PoolID    core.PoolID `json:"pool_id"`
	Name      string      `json:"name"`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
}

func (c *console) poolList() *cobra.Command {
	return c.command("list", "List every pool.", "gatehouse pool list --json",
		func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				pools, err := d.store.Across().Pools(ctx)
				if err != nil {
					return err
				}
				answers := []poolAnswer{}
				rows := [][]string{{"POOL", "NAME", "CREATED"}}
				for _, p := range pools {
					answers = append(answers, poolAnswer{p.ID, p.Name, p.CreatedAt, p.UpdatedAt})
					rows = append(rows, []string{string(p.ID), p.Name, when(p.CreatedAt)})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

type settingAnswer struct {
	Key     string          `json:"key"`
	Type    string          `json:"type"`
	Value   json.RawMessage `json:"value"`
	Default json.RawMessage `json:"default"`
	IsSet   bool            `json:"is_set"` // by the pool, rather than by default
	Meaning string          `json:"meaning"`
}

func (c *console) poolSettings() *cobra.Command {
	return c.command("settings POOL", "Show every setting of a pool with its value, default and meaning.", "gatehouse pool settings demo",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, _, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				var answers []settingAnswer
				rows := [][]string{{"KEY", "VALUE", "DEFAULT", "TYPE", "MEANING"}}
				for _, line := range core.SettingsTable() {
					_, set := p.Overrides[line.Key]
					a := settingAnswer{line.Key, line.Type, line.Value(p.Settings), line.Default(), set, line.Meaning}
					answers = append(answers, a)
					rows = append(rows, []string{a.Key, shorten(string(a.Value), 40), shorten(string(a.Default), 20), a.Type, a.Meaning})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

func (c *console) poolSet() *cobra.Command {
	return c.command("set POOL KEY=VALUE...", "Change settings: VALUE is JSON if it reads as such, else a text; null is the default.", "gatehouse pool set demo password.min_length=12 flow.life=15m",
		func(cmd *cobra.Command, args []string) error {
			wanted := core.Overrides{}
			for _, arg := range args[1:] {
				key, text, ok := strings.Cut(arg, "=")
				if _, twice := wanted[key]; !ok || key == "" || twice {
					return usage(cmd, "%q is not a KEY=VALUE of its own", arg)
				}
				value, err := settingValue(text)
				if err != nil {
					return err
				}
				wanted[key] = value
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				before, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				after, err := d.pools.Change(ctx, caller, wanted)
				if err != nil {
					return err
				}
				changes := differences(before.Overrides, after.Overrides)
				return c.answer(changesAnswer{before.ID, before.Name, len(changes) > 0, changes}, func(w io.Writer) error {
					return printChanges(w, changes)
				})
			})
		})
}

// settingValue reads a value on the command line: JSON if it is, else a text.
func settingValue(text string) (json.RawMessage, error) {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	return json.Marshal(text)
}
