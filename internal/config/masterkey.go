package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// makeKeyHint says how to come by a master key.
const makeKeyHint = "Make one with `openssl rand -base64 32`, keep it safe, and set GATEHOUSE_MASTER_KEY or GATEHOUSE_MASTER_KEY_FILE."

// FindMasterKey sees to it that there is a master key. A server must be told
// one: a key that appeared by itself would be lost by itself. A development
// server makes one in [KeyPath] if there is none, and commands find it there.
func (l *Loaded) FindMasterKey(p Purpose) error {
	if l.MasterKey != "" {
		return l.parseMasterKey("master_key")
	}
	if p == ForServe {
		return fail(makeKeyHint, "there is no master key, and a server does not start without one")
	}
	path := KeyPath(l.Database)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && p == ForDev {
		text, err = makeKey(path)
		l.NewKey = err == nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fail(makeKeyHint+" `gatehouse dev` makes its own.", "there is no master key: none is configured, and there is no file %s", path)
	}
	if err != nil {
		return fail("Check that this user may read and write it.", "cannot read the master key: %s", err)
	}
	l.warnIfOpen("the master key", path)
	l.MasterKey, l.KeyFile = secret.Text(strings.TrimSpace(string(text))), path
	l.from["master_key"] = "the file " + path
	return l.parseMasterKey(path)
}

func (l *Loaded) parseMasterKey(where string) error {
	if _, err := secret.ParseMaster(l.MasterKey.Reveal()); err != nil {
		return fail(makeKeyHint, "the master key in %s cannot be used: %s", where, err)
	}
	return nil
}

// KeyPath is where the master key of a development server is: beside the
// SQLite file, or in the data folder.
func KeyPath(database string) string {
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		return path + ".key"
	}
	return filepath.Join("data", "master.key")
}

// makeKey writes a new key and returns the one that is there in the end: of
// two starts at once both get the first one's. The file appears whole, because
// it is written under another name and then linked.
func makeKey(path string) ([]byte, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	draft, err := os.CreateTemp(dir, ".master-key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(draft.Name())
	_, err = draft.WriteString(secret.NewMasterText() + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("cannot write %s: %w", path, err)
	}
	// What is sealed with the key must not outlive it in a power failure.
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
