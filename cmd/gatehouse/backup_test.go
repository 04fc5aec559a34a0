package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestR17BackupUnderLoad takes a backup with the built command while the built
// server is under load, and restores it into another database of either kind.
// A server there must have everybody who was acknowledged before the backup
// began, whole, and serve them.
func TestR17BackupUnderLoad(t *testing.T) {
	binary := buildServer(t)
	engines := map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string { return storetest.SQLite(t) }, "postgres": storetest.Postgres,
	}
	for from, source := range engines {
		for to, target := range engines {
			t.Run(from+" to "+to, func(t *testing.T) {
				k := newKilled(t, binary, source(t))
				k.set(t, "signup.verify_email=false", "budget.flows_per_minute=0")
				k.start(t)
				old, err := k.flow("old@example.org", "signup")
				if err != nil {
					t.Fatal(err)
				}
				profile := map[string]string{"first_name": old.user, "last_name": "User"}
				if _, err := k.post("/v2/user/profile/update", map[string]any{"email": old.user, "profile": profile}); err != nil {
					t.Fatal(err)
				}

				file := filepath.Join(t.TempDir(), "gatehouse.backup")
				before := k.backupUnderLoad(t, file)
				if !k.goOn(&old) {
					t.Error("law: the server goes on as before")
				}
				k.kill(t)

				other := k.at(target(t))
				other.acknowledged = before
				other.run(t, "restore", file)
				other.start(t)
				defer other.kill(t)
				other.audit(t)
				other.smoke(t, old)
			})
		}
	}
}

// backupUnderLoad takes a backup while users are created, and returns who was
// acknowledged before it began.
func (k *killed) backupUnderLoad(t *testing.T, file string) (before []string) {
	t.Helper()
	var running sync.WaitGroup
	var enough atomic.Bool
	for range 16 {
		running.Go(func() {
			for !enough.Load() {
				email := fmt.Sprintf("user%d@example.org", k.next.Add(1))
				if _, err := k.post("/v2/user/create", map[string]any{"email": email, "profile": map[string]string{"first_name": email, "last_name": "User"}}); err != nil {
					t.Errorf("law: a backup disturbs nobody; creating a user got %v", err)
					return
				}
				k.mu.Lock()
				k.acknowledged = append(k.acknowledged, email)
				k.mu.Unlock()
			}
		})
	}
	defer running.Wait()
	defer enough.Store(true)
	count := func() int {
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.acknowledged)
	}
	for end := time.Now().Add(time.Minute); count() < 300; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server is too slow to be under load")
		}
	}
	k.mu.Lock()
	before = slices.Clone(k.acknowledged)
	k.mu.Unlock()
	k.run(t, "backup", file)
	// The load must have gone on meanwhile, else this shows nothing.
	if after := count(); after == len(before) {
		t.Errorf("nobody was created while the backup was taken, of %d", after)
	}
	return before
}

// run runs a command on the server's database, which must succeed.
func (k *killed) run(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), k.binary, args...)
	cmd.Env = k.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gatehouse %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// at is the same deployment with another database.
func (k *killed) at(database string) *killed {
	other := &killed{binary: k.binary, database: database, url: k.url, listen: k.listen, token: k.token}
	other.env = append(slices.Clone(k.env), "GATEHOUSE_DATABASE="+database) // the last one counts
	return other
}

// smoke goes through what people and applications do. old signed up before the
// backup.
func (k *killed) smoke(t *testing.T, old session) {
	t.Helper()
	for _, p := range old.pairs {
		if !k.refused("/v2/client/token/check", map[string]any{"token": p.Access.Token}) || !k.refused("/v2/client/session/refresh", map[string]any{"refresh_token": p.Refresh.Token}) {
			t.Error("law: no session from before the restore lives")
		}
	}
	for who, kind := range map[string]string{old.user: "signin", "new@example.org": "signup"} {
		s, err := k.flow(who, kind)
		if err != nil {
			t.Errorf("law: people come in after a restore; %s got %v", kind, err)
			continue
		}
		first := s.last()
		if _, err := k.post("/v2/client/token/check", map[string]any{"token": first.Access.Token}); err != nil {
			t.Errorf("law: their tokens are good; got %v", err)
		}
		if !k.goOn(&s) {
			t.Error("law: their sessions go on")
		}
		if _, err := k.post("/v2/client/session/logout", map[string]any{"token": s.last().Access.Token}); err != nil || !k.refused("/v2/client/token/check", map[string]any{"token": s.last().Access.Token}) {
			t.Errorf("law: and end; got %v", err)
		}
		if _, err := k.post("/v2/user/delete", map[string]any{"email": who}); err != nil {
			t.Errorf("law: applications delete people; got %v", err)
		}
		if _, err := k.post("/v2/user/create", map[string]any{"email": who, "profile": map[string]string{}}); err != nil {
			t.Errorf("law: and create them; got %v", err)
		}
	}
}

// TestBackupOntoAFullDisk gives the built command a disk that is too small.
func TestBackupOntoAFullDisk(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=4k", "none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("this machine lets nobody mount a disk of one's own: %v %s", err, out)
	}
	binary := buildServer(t)
	storetest.Engines(t, func(t *testing.T, database string) {
		k := newKilled(t, binary, database)
		disk := t.TempDir()
		for _, name := range []string{"second", "third", "fourth"} {
			k.run(t, "pool", "create", name)
		}
		whole := filepath.Join(t.TempDir(), "whole.backup")
		k.run(t, "backup", whole)
		if info, err := os.Stat(whole); err != nil || info.Size() <= 4<<10 {
			t.Fatalf("this test needs a backup of more than 4 kB: %v, %v", info, err)
		}
		cmd := exec.CommandContext(t.Context(), "unshare", "-rm", "sh", "-c",
			`mount -t tmpfs -o size=4k none "$1" && { "$0" backup "$1/some.backup"; echo "status $?"; ls -A "$1"; }`, binary, disk)
		cmd.Env = k.env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !bytes.Contains(out, []byte("no space left on device\nhint: Make room")) || !bytes.HasSuffix(out, []byte("\nstatus 1\n")) {
			t.Errorf("law: a full disk is called so, and no half file stays; got\n%s", out)
		}
	})
}
