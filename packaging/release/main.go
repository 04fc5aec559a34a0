// Command release makes what is handed out: for each platform an archive with
// the program, and a list of what is in it (an SBOM in CycloneDX), and the
// checksums of all.
//
// The same commit gives the same bytes, whoever builds it, when, and in which
// directory: the version of Go is fixed, and no time, path, name or setting of
// the machine goes in. Start reading at [release.make].
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// toolchain is the version of Go that releases are built with; another one
// gives other bytes. The Dockerfile names it too.
const toolchain = "go1.26.8"

// platform is an operating system and a processor, as Go names them.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// platforms is what a release is built for.
func platforms() []platform {
	return []platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}}
}

// release is one run.
type release struct {
	root      string // the source
	out       string // where the files go
	version   string
	commit    string    // empty: unknown
	time      time.Time // of every file in the archives
	platforms []platform
}

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, messages io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(messages)
	out := flags.String("out", "dist", "the directory for the files")
	only := flags.String("platform", "", "build for this one only, such as linux/amd64")
	commit := flags.String("commit", "", "the commit that is built, where git cannot be asked; with -time")
	seconds := flags.Int64("time", -1, "the time of the files in the archives, in seconds since 1970; the commit's if not given")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := &release{root: ".", out: *out, commit: *commit, time: time.Unix(*seconds, 0).UTC(), platforms: platforms()}
	if *only != "" {
		system, processor, _ := strings.Cut(*only, "/")
		r.platforms = []platform{{system, processor}}
	}
	version, err := os.ReadFile(filepath.Join(r.root, "cmd", "gatehouse", "VERSION"))
	if err != nil {
		return err
	}
	r.version = strings.TrimSpace(string(version))
	if *seconds < 0 {
		if err := r.askGit(ctx); err != nil {
			return err
		}
	}
	files, err := r.make(ctx)
	for _, file := range files {
		fmt.Fprintf(messages, "release: %s  %d bytes\n", file.name, file.size)
	}
	return err
}

// askGit finds the commit and its time. What is not committed has neither.
func (r *release) askGit(ctx context.Context) error {
	changed, err := r.output(ctx, "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("a release is built from a commit, and these files differ from it:\n%s", changed)
	}
	text, err := r.output(ctx, "git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return err
	}
	commit, seconds, _ := strings.Cut(text, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("the time of commit %s: %w", commit, err)
	}
	r.commit, r.time = commit, time.Unix(unix, 0).UTC()
	return nil
}

// output runs a program in the source's directory.
func (r *release) output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain, "GOFLAGS=-mod=readonly", "GOWORK=off")
	var problem strings.Builder
	cmd.Stderr = &problem
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, problem.String())
	}
	return strings.TrimSpace(string(text)), nil
}
