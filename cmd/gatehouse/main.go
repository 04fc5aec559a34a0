// Command gatehouse keeps an application's users and signs them in: see
// internal/cli for its commands.
package main

import (
	"context"
	_ "embed"
	"os"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/cli"
)

//go:embed VERSION
var version string

// commit is what the program was built from; packaging/release writes it in.
var commit string

func main() {
	started := time.Now()
	os.Exit(cli.Run(context.Background(), cli.Process{
		Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Version: strings.TrimSpace(version), Commit: commit, Started: started,
	}))
}
