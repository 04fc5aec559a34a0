package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
)

// say writes a message for people, on standard error.
func (c *console) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.Err, format+"\n", args...) // there is nobody else to tell
}

// answer writes what a command found out: value as JSON, or what text writes.
func (c *console) answer(value any, text func(w io.Writer) error) error {
	if !c.json {
		return text(c.Out)
	}
	e := json.NewEncoder(c.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// line writes value as one line of JSON.
func (c *console) line(value any) error {
	e := json.NewEncoder(c.Out)
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

// table writes rows in columns; the first one is the heading.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// pairs writes names and values, one pair on a line.
func pairs(w io.Writer, rows [][2]string) error {
	var all [][]string
	for _, row := range rows {
		all = append(all, []string{row[0] + ":", row[1]})
	}
	return table(w, all)
}

// when writes a time for people; a zero time is a dash.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateTime) + "Z"
}

// shorten cuts a text for a column.
func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// onTerminal reports whether somebody can be asked.
func (c *console) onTerminal() bool {
	f, ok := c.In.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// confirm asks a question whose answer is yes or no. Nobody there: no.
func (c *console) confirm(question string) error {
	const hint = "Say --yes to go on without being asked."
	if !c.onTerminal() {
		return fail(hint, "there is no terminal to ask on")
	}
	if _, err := fmt.Fprint(c.Err, question+" [y/N] "); err != nil {
		return err
	}
	text, err := bufio.NewReader(c.In).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "y", "yes":
		return nil
	}
	return fail(hint, "nothing was changed, as you did not say yes")
}
