package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"unicode"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// errReported ends a command whose answer has said already what is wrong.
var errReported = errors.New("reported")

// hinted is an error of a command, with what to do about it.
type hinted struct {
	sentence string
	hint     string
}

// Error gives the sentence.
func (e *hinted) Error() string { return e.sentence }

func fail(hint, format string, args ...any) error {
	return &hinted{sentence: fmt.Sprintf(format, args...), hint: hint}
}

// report writes an error as one sentence and a hint.
func (c *console) report(err error) {
	c.say("gatehouse: %s", sentence(err))
	if h := hintFor(err); h != "" {
		c.say("hint: %s", h)
	}
}

// sentence writes an error on one line.
func sentence(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*core.Error](err); ok {
		text = e.Detail
		for _, problem := range e.Fields {
			if problem.Detail != e.Detail {
				text = strings.TrimSpace(text + " " + problem.Detail)
			}
		}
		if text == "" {
			text = string(e.Code)
		}
		if e.Cause != nil {
			text = strings.TrimSuffix(text, ".") + ": " + e.Cause.Error()
		}
	}
	text = oneLine(text)
	if !strings.HasSuffix(text, "...") {
		text = strings.TrimSuffix(text, ".")
	}
	runes := []rune(text)
	if len(runes) > 1 && unicode.IsUpper(runes[0]) && (unicode.IsLower(runes[1]) || runes[1] == ' ') {
		runes[0] = unicode.ToLower(runes[0])
	}
	return string(runes)
}

// oneLine joins the lines of errors that come in several.
func oneLine(text string) string {
	joined := ""
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case joined == "" || line == "":
		case strings.HasSuffix(joined, ":"):
			joined += " "
		default:
			joined += "; "
		}
		joined += line
	}
	return joined
}

// hint is what to do about one known error.
type hint struct {
	about error
	text  string
}

// hints is what to do about errors that have a value of their own. The first
// one that fits counts.
func hints() []hint {
	return []hint{
		{store.ErrWrongMaster, "Use the master key that the database was made with: GATEHOUSE_MASTER_KEY, GATEHOUSE_MASTER_KEY_FILE, or the file PATH.key beside a SQLite database."},
		{store.ErrUnsafe, "Have the database keep what it acknowledges; for throw-away data --unsafe-durability or GATEHOUSE_UNSAFE_DURABILITY=true allows it."},
		{store.ErrSchema, "Run `gatehouse migrate up`, or start with --migrate=true."},
		{store.ErrNoSchema, "Check --database and GATEHOUSE_DATABASE."},
		{store.ErrNoBackup, "Name a file that `gatehouse backup` made."},
		{store.ErrBroken, "Use another backup, and look for what damages files: a full disk, or a copy that ended early."},
		{store.ErrNewer, "Restore with the version of Gatehouse that made the backup, or a newer one."},
		{store.ErrFilled, "Name a new database with --database: a path that is not there yet, or a database fresh from CREATE DATABASE."},
		{syscall.ENOSPC, "Make room on the disk, or write to another one."},
		{syscall.EADDRINUSE, "Stop the program that is there, which may be another Gatehouse, or choose another address with --listen or --admin-listen."},
		{syscall.EACCES, "Check who may read and write there; ports below 1024 need a privilege."},
		{fs.ErrPermission, "Check who may read and write there."},
		{syscall.EADDRNOTAVAIL, "Choose an address of this machine with --listen or --admin-listen."},
	}
}

// hintsByCode is what to do about each error of the catalogue. An empty text
// is for what no command runs into.
func hintsByCode() map[core.Code]string {
	const unheard = ""
	return map[core.Code]string{
		core.CodeInvalid:          "`--help` behind the command shows an example; `gatehouse pool settings POOL` lists settings.",
		core.CodeNotFound:         "`gatehouse pool list`, `key list POOL` and `user list POOL` show what there is.",
		core.CodeTaken:            "Choose another, or look at what is there with `gatehouse pool list`, `key list POOL` or `user list POOL`.",
		core.CodeConflict:         "Somebody else changed it at the same time: try again.",
		core.CodeUnavailable:      "`gatehouse doctor` looks for the cause.",
		core.CodeBusy:             "Try again in a moment.",
		core.CodeInternal:         "`gatehouse doctor` looks for the cause.",
		core.CodeTooLarge:         unheard,
		core.CodeUnsupportedMedia: unheard,
		core.CodeNoRoute:          unheard,
		core.CodeNotYet:           unheard,
		core.CodeMethodNotAllowed: unheard,
		core.CodeUnauthenticated:  unheard,
		core.CodeForbidden:        unheard,
		core.CodeTokenInvalid:     unheard,
		core.CodeTokenExpired:     unheard,
		core.CodeTicketInvalid:    unheard,
		core.CodeWrongCredentials: unheard,
		core.CodeWrongCode:        unheard,
		core.CodeCodeExpired:      unheard,
		core.CodePasskeyRefused:   unheard,
		core.CodeCaptchaRefused:   unheard,
		core.CodeProviderRefused:  unheard,
		core.CodeOtherWay:         unheard,
		core.CodeOtherAddress:     unheard,
		core.CodeServiceDown:      unheard,
		core.CodeLocked:           unheard,
		core.CodeDisabled:         unheard,
		core.CodeSignupClosed:     unheard,
		core.CodeFlowEnded:        unheard,
		core.CodeNotOffered:       unheard,
		core.CodeFlowIncomplete:   unheard,
		core.CodeRedirectRefused:  unheard,
		core.CodeAddressRefused:   unheard,
		core.CodeTravelRefused:    unheard,
		core.CodePlaceRefused:     unheard,
		core.CodeDomainRefused:    unheard,
		core.CodeTooMany:          "Try again later.",
	}
}

// hintFor says what to do about an error.
func hintFor(err error) string {
	if e, ok := errors.AsType[*usageError](err); ok {
		return "See `" + e.command + " --help`."
	}
	if e, ok := errors.AsType[*hinted](err); ok {
		return e.hint
	}
	if e, ok := errors.AsType[*config.Error](err); ok && e.Hint != "" {
		return e.Hint
	}
	for _, h := range hints() {
		if errors.Is(err, h.about) {
			return h.text
		}
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		return "docs/config.md lists every key with its meaning."
	}
	return hintsByCode()[core.CodeOf(err)]
}
