// Command soak loads a built server as no single test can, and says how it
// fared:
//
//	soak overload   twenty times the sign-ins that it can serve, for a while
//	soak mixed      half of what it can serve, for a long while
//
// `make overload` and `make soak` run it on both engines. A law that does not
// hold ends the program with status 1. Times are printed and judged by whoever
// reads them, because machines are shared.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	race := flag.Bool("race", false, "build the server with the race detector, and fail on what it reports")
	rounds := flag.Int("rounds", 3, "overload: how often")
	stretch := flag.Duration("for", 10*time.Second, "overload: how long each stretch is; mixed: how long in all")
	engine := flag.String("engine", "", "the one database to do it on, sqlite or postgres; empty: on one after the other")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: soak [flags] overload|mixed")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, flag.Arg(0), *engine, *race, *rounds, *stretch); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, what, only string, race bool, rounds int, stretch time.Duration) error {
	load := map[string]func(*server) error{
		"overload": func(s *server) error { return overload(ctx, s, rounds, stretch) },
		"mixed":    func(s *server) error { return mixed(ctx, s, stretch) },
	}[what]
	if load == nil {
		flag.Usage()
		return fmt.Errorf("there is no load called %q", what)
	}
	scratch, err := os.MkdirTemp("", "gatehouse-soak")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	binary, err := build(ctx, scratch, race)
	if err != nil {
		return err
	}
	databases := []string{"sqlite:" + filepath.Join(scratch, "soak.db")}
	if postgres := os.Getenv("TEST_POSTGRES_URL"); postgres != "" {
		databases = append(databases, postgres)
	} else {
		fmt.Println("soak: no PostgreSQL, because TEST_POSTGRES_URL is empty: run it by scripts/with-postgres")
	}
	var faults []error
	for _, database := range databases {
		engine, _, _ := strings.Cut(database, ":")
		if only != "" && only != engine {
			continue
		}
		fmt.Printf("## %s on %s, %s, %d cores, %s\n\n", what, engine, runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
		if err := serve(ctx, binary, database, race, load); err != nil {
			faults = append(faults, fmt.Errorf("%s on %s: %w", what, engine, err))
		}
		fmt.Println()
	}
	return errors.Join(faults...)
}

// build builds the program into a folder.
func build(ctx context.Context, folder string, race bool) (string, error) {
	binary, args, cgo := filepath.Join(folder, "gatehouse"), []string{"build", "-trimpath"}, "CGO_ENABLED=0"
	if race {
		args, cgo = append(args, "-race"), "CGO_ENABLED=1"
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", binary, "./cmd/gatehouse")...)
	cmd.Env = append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return binary, nil
}

// serve starts a server, loads it and ends it. A data race or a panic in its log
// is a fault too.
func serve(ctx context.Context, binary, database string, race bool, load func(*server) error) error {
	s, err := start(ctx, binary, database)
	if err != nil {
		return err
	}
	s.race = race
	err = load(s)
	if e := s.end(); e != nil {
		err = errors.Join(err, e)
	}
	// A request's id may hold the word too, but nothing behind it.
	if text := s.log.String(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic ") || strings.Contains(text, "panic:") {
		err = errors.Join(err, fmt.Errorf("the server's log:\n%s", text))
	}
	return err
}
