package risk

import (
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
)

// watched is what was read from a file, which is read anew when it has changed.
// What cannot be used then changes nothing: what was read before stays. One
// goroutine looks, and any number read.
type watched[T any] struct {
	path, what string
	read       func([]byte) (T, error)
	log        *slog.Logger

	current atomic.Pointer[T]
	seen    os.FileInfo // of the file when it was last read; nil: it was not there
}

func watch[T any](path, what string, read func([]byte) (T, error), log *slog.Logger) (*watched[T], error) {
	w := &watched[T]{path: path, what: what, read: read, log: log, seen: stat(path)}
	made, err := readFile(path, what, read)
	w.current.Store(&made)
	return w, err
}

func readFile[T any](path, what string, read func([]byte) (T, error)) (T, error) {
	var none T
	data, err := os.ReadFile(path)
	if err != nil {
		return none, fmt.Errorf("cannot read the %s: %w", what, err)
	}
	made, err := read(data)
	if err != nil {
		return none, fmt.Errorf("cannot use the %s %s: %w", what, path, err)
	}
	return made, nil
}

// get returns what was read last.
func (w *watched[T]) get() T { return *w.current.Load() }

// look reads the file anew if it has changed.
func (w *watched[T]) look() {
	now := stat(w.path)
	if same(now, w.seen) {
		return
	}
	w.seen = now
	made, err := readFile(w.path, w.what, w.read)
	if err != nil {
		w.log.Warn("the new "+w.what+" cannot be used; the one before it stays", "error", err)
		return
	}
	w.current.Store(&made)
	w.log.Info("read a new "+w.what, "file", w.path)
}

// stat returns nil for a file that is not there; reading it says why.
func stat(path string) os.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}

// same compares what a path led to at two times. A link may lead elsewhere by
// now.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
