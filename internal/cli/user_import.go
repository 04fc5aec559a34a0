package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

type importAnswer struct {
	ID         core.ImportID     `json:"id"`
	Pool       core.PoolID       `json:"pool_id"`
	Status     core.ImportStatus `json:"status"`
	Reason     string            `json:"reason,omitempty"`
	DryRun     bool              `json:"dry_run"`
	Total      int64             `json:"total"`
	Successful int64             `json:"successful"`
	Failed     int64             `json:"failed"`
	Skipped    int64             `json:"skipped"`
	Failures   []string          `json:"failures"` // of the first rows
	Skips      []string          `json:"skips"`
}

// shownFailures is how many rows people are told of one by one.
const shownFailures = 10

func (a importAnswer) print(w io.Writer) error {
	imported := "imported"
	if a.DryRun {
		imported = "would be imported"
	}
	rows := [][2]string{
		{"import", string(a.ID)}, {"status", string(a.Status)}, {"rows", strconv.FormatInt(a.Total, 10)}, {imported, strconv.FormatInt(a.Successful, 10)},
		{"skipped, as they are there", strconv.FormatInt(a.Skipped, 10)}, {"failed", strconv.FormatInt(a.Failed, 10)},
	}
	for i, reason := range a.Failures {
		if i == shownFailures {
			rows = append(rows, [2]string{"", fmt.Sprintf("and %d more; --json has the first %d", a.Failed-shownFailures, core.MaxImportDetails)})
			break
		}
		rows = append(rows, [2]string{"failed", reason})
	}
	return pairs(w, rows)
}

// importFlags are those of an import.
type importFlags struct {
	pool, format, name, hash string
	maps, params             []string
	dry, resume              bool
}

func (c *console) userImport() *cobra.Command {
	var f importFlags
	cmd := c.command("import FILE", "Bring people over out of a CSV or JSON lines file. Who is there already stays as they are.",
		"gatehouse user import people.csv --pool demo --map mail=email --map name=profile.first_name --map pw=password_hash --hash bcrypt",
		func(cmd *cobra.Command, args []string) error {
			given, err := f.read(cmd, args[0])
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close() // it was only read
			info, err := file.Stat()
			if err != nil {
				return err
			}
			if !info.Mode().IsRegular() {
				return fail("Write it to a file first: one can be gone on with where it was cut off.", "%s is no file", args[0])
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, f.pool)
				if err != nil {
					return err
				}
				ctx, stop := c.untilSignal(ctx)
				defer stop()
				return c.importFile(ctx, d, caller, file, info.Size(), given)
			})
		})
	flags := cmd.Flags()
	flags.StringVar(&f.pool, "pool", "", "the `POOL` to bring them to")
	flags.StringArrayVar(&f.maps, "map", nil, "what a column is, as `COLUMN=FIELD`; may be repeated. FIELD is email, username, phone, id, verified, disabled, created_at, password_hash, password_salt or profile.NAME. Without any, columns count that are called so")
	flags.StringVar(&f.hash, "hash", "", "the `ALGORITHM` of password_hash: "+strings.Join(secret.ForeignAlgorithms(), ", "))
	flags.StringArrayVar(&f.params, "hash-param", nil, "how hashes were made, as `KEY=VALUE`, where they do not say it themselves; may be repeated. KEY is "+strings.Join(paramNames(), ", "))
	flags.StringVar(&f.format, "format", "", "csv or jsonl; without it, as the file's name ends")
	flags.StringVar(&f.name, "name", "", "the import's `NAME`; without it, the file's")
	flags.BoolVar(&f.dry, "dry-run", false, "find out what would become of each row, and import nobody")
	flags.BoolVar(&f.resume, "resume", false, "go on with an import of this file that was cut off")
	return cmd
}

// read makes of the flags what the file is imported by.
func (f importFlags) read(cmd *cobra.Command, path string) (directory.FileImport, error) {
	given := directory.FileImport{Name: f.name, Dry: f.dry, Resume: f.resume, Format: directory.FileFormat(f.format)}
	if f.pool == "" {
		return given, usage(cmd, "user import needs --pool")
	}
	if f.name == "" {
		given.Name = filepath.Base(path)
	}
	if f.format == "" {
		given.Format = directory.FormatCSV
		switch strings.ToLower(filepath.Ext(path)) {
		case ".jsonl", ".ndjson", ".json":
			given.Format = directory.FormatJSON
		}
	}
	if given.Format != directory.FormatCSV && given.Format != directory.FormatJSON {
		return given, usage(cmd, "--format is csv or jsonl")
	}
	if f.resume && (len(f.maps) > 0 || f.hash != "" || len(f.params) > 0 || f.dry) {
		return given, usage(cmd, "--resume goes on as the import began, without --map, --hash, --hash-param and --dry-run")
	}
	for _, pair := range f.maps {
		i := strings.LastIndex(pair, "=")
		if i < 1 || i == len(pair)-1 {
			return given, usage(cmd, "--map %q is not COLUMN=FIELD", pair)
		}
		name, profile := strings.CutPrefix(pair[i+1:], "profile.")
		given.Mapping.Fields = append(given.Mapping.Fields, core.MappedColumn{Column: pair[:i], Field: name, Profile: profile})
	}
	given.Mapping.Hash.Algorithm = f.hash
	for _, pair := range f.params {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || !setParam(&given.Mapping.Hash, key, value) {
			return given, usage(cmd, "--hash-param %q is not KEY=VALUE, with a KEY of %s", key+"=...", strings.Join(paramNames(), ", "))
		}
	}
	return given, nil
}

// params are the parameters of password hashes by name: each a *int or a
// *string.
func params(p *secret.ForeignParams) []struct {
	name string
	into any
} {
	return []struct {
		name string
		into any
	}{
		{"iterations", &p.Iterations}, {"memory", &p.Memory}, {"parallelism", &p.Parallelism}, {"block_size", &p.BlockSize}, {"cost_factor", &p.CostFactor},
		{"key_length", &p.KeyLength}, {"digest", &p.Digest}, {"salt", &p.Salt}, {"salt_encoding", &p.SaltEncoding}, {"salt_order", &p.SaltOrder},
		{"signer_key", &p.SignerKey}, {"salt_separator", &p.SaltSeparator},
	}
}

func paramNames() (names []string) {
	for _, p := range params(new(secret.ForeignParams)) {
		names = append(names, p.name)
	}
	return names
}

func setParam(p *secret.ForeignParams, key, value string) bool {
	for _, one := range params(p) {
		if one.name != key {
			continue
		}
		switch into := one.into.(type) {
		case *string:
			*into = value
			return true
		case *int:
			n, err := strconv.Atoi(value)
			*into = n
			return err == nil && n >= 0
		}
	}
	return false
}

func (c *console) importFile(ctx context.Context, d *desk, caller core.Caller, file io.ReadSeeker, size int64, given directory.FileImport) error {
	imports := directory.NewImports(d.store, directory.DefaultImportLimits(), slog.New(slog.NewTextHandler(c.Err, nil)))
	var bar *progress
	given.Begun = func(job core.Import) {
		if bar = c.newProgress("rows", size, job.Position, job.Total()); job.Position > 0 {
			c.say("Going on behind row %d.", job.Total())
		}
	}
	given.Tell = func(job core.Import) { bar.tell(job.Position, job.Total()) }
	job, err := imports.ImportFile(ctx, caller, file, size, given)
	if bar != nil {
		bar.end(job.Position, job.Total())
	}
	if ctx.Err() != nil && bar != nil {
		return fail("Go on with --resume.", "the import was cut off behind row %d", job.Total())
	}
	if err != nil {
		return err
	}
	answer := importAnswer{
		ID: job.ID, Pool: caller.Pool, Status: job.Status, Reason: job.Reason, DryRun: job.Dry, Total: job.Total(), Successful: job.Successful, Failed: job.Failed, Skipped: job.Skipped,
		Failures: []string{}, Skips: []string{},
	}
	_, details, err := imports.Get(context.WithoutCancel(ctx), caller, job.ID, core.OutcomeFailed, core.OutcomeSkipped)
	if err != nil {
		return err
	}
	for _, detail := range details {
		if detail.Outcome == core.OutcomeFailed {
			answer.Failures = append(answer.Failures, detail.Reason)
		} else {
			answer.Skips = append(answer.Skips, detail.Reason)
		}
	}
	if err := c.answer(answer, answer.print); err != nil {
		return err
	}
	if job.Status == core.ImportFailed {
		return fail("", "%s", strings.TrimSuffix(job.Reason, "."))
	}
	return nil
}
