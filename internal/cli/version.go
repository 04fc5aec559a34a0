package cli

import (
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

type versionAnswer struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // built from files that were changed after the commit
	Go       string `json:"go"`
}

func (c *console) version() *cobra.Command {
	return c.command("version", "Print the version, the commit and the version of Go.", "gatehouse version --json", func(*cobra.Command, []string) error {
		v := versionAnswer{Version: c.Version, Commit: "unknown", Go: runtime.Version()}
		if info, ok := debug.ReadBuildInfo(); ok {
			for _, s := range info.Settings {
				switch s.Key {
				case "vcs.revision":
					v.Commit = s.Value
				case "vcs.modified":
					v.Modified = s.Value == "true"
				}
			}
		}
		if c.Commit != "" {
			v.Commit = c.Commit
		}
		return c.answer(v, func(w io.Writer) error {
			commit := v.Commit
			if v.Modified {
				commit += " (modified)"
			}
			return pairs(w, [][2]string{{"version", v.Version}, {"commit", commit}, {"go", v.Go}})
		})
	})
}
