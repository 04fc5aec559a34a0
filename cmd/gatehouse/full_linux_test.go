package main_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// fullVariable tells the test, run again in a mount namespace of its own,
// where the server's program is.
const fullVariable = "R7_SERVER"

// TestR7DiskFull fills the disk under a server that writes. SQLite gets a disk
// of its own: a file system in memory that only this test sees. PostgreSQL is
// told by a trigger to fail as it does on a full disk; the rest is its own
// affair.
func TestR7DiskFull(t *testing.T) {
	if binary := os.Getenv(fullVariable); binary != "" {
		diskFull(t, binary)
		return
	}
	binary := buildServer(t)
	t.Run("sqlite", func(t *testing.T) {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestR7DiskFull$", "-test.v")
		again.Env = append(os.Environ(), fullVariable+"="+binary)
		again.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		out, err := again.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
			t.Skipf("this system allows no namespace of our own, and so no small disk: %v", err)
		}
		if err != nil || !bytes.Contains(out, []byte("--- PASS: TestR7DiskFull")) {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
	})
	t.Run("postgres", func(t *testing.T) {
		database := storetest.Postgres(t)
		k := newKilled(t, binary, database)
		k.set(t, "signup.verify_email=false")
		k.start(t)
		f := &filled{killed: k, token: k.signUpOne(t)}
		db := storetest.Raw(t, database)
		f.cycle(t, func() {
			for _, statement := range []string{
				`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`,
				`CREATE TRIGGER full_disk BEFORE INSERT ON users EXECUTE FUNCTION full_disk()`,
			} {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
		}, func() {
			if _, err := db.ExecContext(t.Context(), `DROP TRIGGER full_disk ON users`); err != nil {
				t.Fatal(err)
			}
		})
		k.audit(t)
		k.kill(t)
	})
}

// diskFull is the half that runs in a mount namespace of its own.
func diskFull(t *testing.T, binary string) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }) // else it goes with the namespace
	database, ballast := filepath.Join(disk, "gatehouse.db"), filepath.Join(disk, "ballast")
	fill := func() {
		if err := exhaust(ballast); err != nil {
			t.Fatal(err)
		}
	}
	free := func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	k := newKilled(t, binary, "sqlite:"+database)
	k.set(t, "signup.verify_email=false") // before the start, which else may not know it yet
	k.start(t)
	f := &filled{killed: k, token: k.signUpOne(t)}
	for range 3 {
		f.cycle(t, fill, free)
		k.audit(t)
	}
	// Killed with the disk full, the server starts on it, and goes on.
	fill()
	k.kill(t)
	k.start(t)
	f.reads(t)
	free()
	f.cycle(t, fill, free)
	k.kill(t)
	db, err := sql.Open("sqlite", "file:"+database)
	if err != nil {
		t.Fatal(err)
	}
	var verdict string
	if err := db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("law: a full disk corrupts nothing; the check says %q (%v)", verdict, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	k.start(t)
	k.audit(t)
	k.kill(t)
	t.Logf("%d acknowledged writes, 0 lost", len(k.acknowledged))
}

// exhaust writes a file until there is no room.
func exhaust(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(err, file.Close())
	}
	return file.Close()
}

// reader is who reads while nobody can write.
const reader = "reader@example.org"

// signUpOne signs the reader up, with the profile that audit looks for, and
// returns their token.
func (k *killed) signUpOne(t *testing.T) string {
	t.Helper()
	s, err := k.flow(reader, "signup")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.post("/v2/user/profile/update", map[string]any{"email": reader, "profile": map[string]string{"first_name": reader, "last_name": "User"}}); err != nil {
		t.Fatal(err)
	}
	return s.last().Access.Token
}

// filled is a server whose disk is filled under it.
type filled struct {
	*killed
	token string
}

// reads asks for what needs no room.
func (f *filled) reads(t *testing.T) {
	t.Helper()
	if _, err := f.post("/v2/client/token/check", map[string]any{"token": f.token}); err != nil {
		t.Errorf("law: on a full disk tokens are checked; got %v", err)
	}
	if _, err := f.post("/v2/user/list", map[string]any{"size": 10}); err != nil {
		t.Errorf("law: on a full disk is read what is there; got %v", err)
	}
}

// cycle fills the disk while eight clients write, and frees it again.
func (f *filled) cycle(t *testing.T, fill, free func()) {
	t.Helper()
	const enough, patience = 40, 10 * time.Second
	var running sync.WaitGroup
	var over atomic.Bool
	var refused, done atomic.Int64
	for range 8 {
		running.Go(func() {
			for !over.Load() {
				email := fmt.Sprintf("user%d@example.org", f.next.Add(1))
				status, header, text := f.create(email)
				if status == http.StatusOK {
					f.mu.Lock()
					f.acknowledged = append(f.acknowledged, email)
					f.mu.Unlock()
					done.Add(1)
					continue
				}
				refused.Add(1)
				if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(text, "storage is full") {
					t.Errorf("law: what cannot be written is answered 503 with the reason and when to come back; got %d %v %s", status, header, text)
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	await := func(what string, n *atomic.Int64, most int64) {
		for deadline := time.Now().Add(2 * patience); n.Load() < most && !t.Failed(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("%s: %d in place of %d\n%s", what, n.Load(), most, f.log.String())
			}
		}
	}
	await("writes before", &done, enough)
	fill()
	await("refusals on a full disk", &refused, enough)
	f.reads(t)
	free()
	freed, before := time.Now(), done.Load()
	await("writes once there is room", &done, before+enough)
	if took := time.Since(freed); took > patience {
		t.Errorf("law: once there is room a server writes again within %s; it took %s", patience, took)
	}
	over.Store(true)
	running.Wait()
	f.reads(t)
}
