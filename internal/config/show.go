package config

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// Shown is one line of a configuration as it may be printed.
type Shown struct {
	Key   string
	Env   string
	Value string // masked where it is a secret
	From  string // where it came from, in words
}

// String gives the line as the configuration file would have it, with its
// origin.
func (s Shown) String() string {
	return s.Key + " = " + strconv.Quote(s.Value) + "  # " + s.Env + ", from " + s.From
}

// Show returns the whole configuration, a line for each key, without secrets.
func (l *Loaded) Show() []Shown {
	var lines []Shown
	for _, line := range Table() {
		from := l.from[line.Key]
		if from == "" {
			from = "the default"
		}
		lines = append(lines, Shown{Key: line.Key, Env: line.Env, Value: line.shown(&l.Config), From: from})
	}
	return lines
}

func (l Line) shown(c *Config) string {
	text := l.raw(c)
	if !l.Secret || text == "" {
		return text
	}
	return masked(text)
}

func (l Line) raw(c *Config) string {
	switch field := l.field(c).(type) {
	case *string:
		return *field
	case *secret.Text:
		return field.Reveal()
	case *bool:
		return strconv.FormatBool(*field)
	case *int:
		return strconv.Itoa(*field)
	case *[]string:
		return strings.Join(*field, ",")
	}
	return ""
}

// mask stands for what is not shown.
const mask = "[hidden]"

// masked shows of a secret that is an address what is not secret: where it
// leads. Of any other it shows nothing.
func masked(text string) string {
	if strings.HasPrefix(text, "sqlite:") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return mask
	}
	shown := u.Scheme + "://"
	if u.User != nil {
		shown += url.PathEscape(u.User.Username())
		if _, set := u.User.Password(); set {
			shown += ":" + mask
		}
		shown += "@"
	}
	shown += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		shown += "?" + mask // drivers take passwords there too
	}
	return shown
}
