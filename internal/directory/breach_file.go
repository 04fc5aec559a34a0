package directory

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // see breaches.go
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// BreachFile is a list of passwords that others have lost, in the form in which
// "Pwned Passwords" can be had: a line for each SHA-1 hash in 40 hexadecimal
// digits, in ascending order; what stands behind a colon, the number of times
// that it was seen, may be missing. It is searched where it lies, so that its
// size takes no memory. Many may search at once.
type BreachFile struct {
	file *os.File
	size int64
}

const (
	hashDigits = 2 * sha1.Size
	// breachLine is how long a line may be, with its end.
	breachLine = 64
	// breachSamples is in how many places a file is looked at when it is opened.
	breachSamples = 1000
)

// OpenBreachFile opens a list, and returns an error if it does not look like
// one. It stays open: a new list is a new file, and a restart.
func OpenBreachFile(path string) (*BreachFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err == nil {
		list := &BreachFile{file, info.Size()}
		if err = list.examine(); err == nil {
			return list, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("the list of breached passwords %s: %w", path, err), file.Close())
}

// examine looks at the list here and there: whether lines are lines, and stand
// in order.
func (f *BreachFile) examine() error {
	var last [sha1.Size]byte
	var lastAt int64 = -1
	for n := range int64(breachSamples) {
		at, sum, _, err := f.line(f.size * n / breachSamples)
		if err != nil {
			return err
		}
		if at == f.size {
			break
		}
		if lastAt >= 0 && at != lastAt && bytes.Compare(sum[:], last[:]) <= 0 {
			return fmt.Errorf("it is not in the order of its hashes: see byte %d; the list is to be had in that order", at)
		}
		last, lastAt = sum, at
	}
	return nil
}

// line reads the first line that begins at from or behind: where it begins,
// its hash, and where the next one does. Behind the last one, it begins at the
// end of the file.
func (f *BreachFile) line(from int64) (at int64, sum [sha1.Size]byte, next int64, err error) {
	at = from
	var buffer [2 * breachLine]byte
	if from > 0 {
		at-- // a line begins behind the end of another
	}
	n, err := f.file.ReadAt(buffer[:], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, sum, 0, err
	}
	text := buffer[:n]
	if from > 0 {
		end := bytes.IndexByte(text, '\n')
		if end < 0 && at+int64(n) < f.size {
			return 0, sum, 0, fmt.Errorf("a line at byte %d is too long", at)
		}
		if end < 0 || at+int64(end)+1 >= f.size {
			return f.size, sum, f.size, nil
		}
		at, text = at+int64(end)+1, text[end+1:]
	}
	length := bytes.IndexByte(text, '\n') + 1
	if length == 0 {
		length = len(text) // the last line may have no end
		if at+int64(length) < f.size {
			return 0, sum, 0, fmt.Errorf("the line at byte %d is too long", at)
		}
	}
	line, _, _ := bytes.Cut(bytes.TrimRight(text[:length], "\r\n"), []byte(":"))
	if len(line) != hashDigits {
		return 0, sum, 0, fmt.Errorf("the line at byte %d is no hash of %d digits", at, hashDigits)
	}
	if _, err := hex.Decode(sum[:], line); err != nil {
		return 0, sum, 0, fmt.Errorf("the line at byte %d is no hash: %w", at, err)
	}
	return at, sum, at + int64(length), nil
}

// Has reports whether the list has a hash, in some 35 short reads for a list of
// a thousand million.
func (f *BreachFile) Has(sum [sha1.Size]byte) (bool, error) {
	low, high := int64(0), f.size // the hash's line begins there, if it has one
	for low < high {
		middle := low + (high-low)/2
		at, there, next, err := f.line(middle)
		if err != nil {
			return false, err
		}
		if at >= high {
			high = middle
			continue
		}
		switch order := bytes.Compare(there[:], sum[:]); {
		case order == 0:
			return true, nil
		case order < 0:
			low = next
		default:
			high = middle
		}
	}
	return false, nil
}

// Close closes the file.
func (f *BreachFile) Close() error { return f.file.Close() }
