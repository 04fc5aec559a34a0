// Command bench measures a Gatehouse server beside a bare handler, in one run,
// and prints one table. What counts is CPU per request, of the server and its
// database together, because machines are shared and noisy; the ratio to the
// bare handler of the same run can be compared between machines.
//
//	make bench
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "bare" {
		fmt.Fprintln(os.Stderr, bare(os.Args[2]))
		os.Exit(1)
	}
	var n amounts
	flag.IntVar(&n.requests, "requests", 30_000, "requests for each cheap measure")
	flag.IntVar(&n.imports, "imports", 1_000_000, "people to bring over")
	flag.BoolVar(&n.onlyImport, "only-import", false, "bring people over, and measure nothing else")
	flag.Parse()
	if err := run(context.Background(), n); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// amounts say how much is measured.
type amounts struct {
	requests, imports int
	onlyImport        bool
}

// row is one line of the table.
type row struct {
	what, engine string
	perSecond    float64
	cpu          time.Duration // of server and database, for one request
	ratio        string
	aim          string
	instead      string // of all that: what was measured is no request
}

func run(ctx context.Context, n amounts) error {
	scratch, err := os.MkdirTemp("", "gatehouse-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	binary := filepath.Join(scratch, "gatehouse")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/gatehouse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the server: %w\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}

	var rows []row
	floor, err := measureBare(ctx, n.requests)
	if err != nil {
		return err
	}
	hash, err := measureHash(ctx)
	if err != nil {
		return err
	}
	rows = append(rows, floor, hash)
	databases := []string{"sqlite:" + filepath.Join(scratch, "bench.db")}
	if postgres := os.Getenv("TEST_POSTGRES_URL"); postgres != "" {
		databases = append(databases, postgres)
	}
	for _, database := range databases {
		more, err := measureServer(ctx, binary, database, n, floor, hash)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	fmt.Printf("%s, %d cores, %s; binary %.1f MB\n\n", runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), float64(info.Size())/1e6)
	fmt.Println("| what | engine | requests/s | CPU per request | ratio | aim |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, r := range rows {
		if r.instead != "" {
			fmt.Printf("| %s | %s | | %s | | %s |\n", r.what, r.engine, r.instead, r.aim)
			continue
		}
		fmt.Printf("| %s | %s | %.0f | %s | %s | %s |\n", r.what, r.engine, r.perSecond, r.cpu.Round(100*time.Nanosecond), r.ratio, r.aim)
	}
	return nil
}

// times writes how many times more one thing takes than another.
func times(a, b time.Duration) string { return fmt.Sprintf("%.2fx", float64(a)/float64(b)) }

var errRefused = errors.New("the server refused a request")
