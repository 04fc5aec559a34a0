package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSameCommitSameBytes makes a release of this machine's platform twice, in
// two directories with names of different length, and compares every file. The
// second one does not find what the first one compiled if REPRODUCE is set:
// then it takes minutes.
func TestSameCommitSameBytes(t *testing.T) {
	var releases [2]map[string][]byte
	for i, place := range []string{"a", "another/directory"} {
		if i == 1 && os.Getenv("REPRODUCE") != "" {
			t.Setenv("GOCACHE", t.TempDir())
		} else if i == 1 {
			t.Log("both are linked anew, from packages that were compiled once; REPRODUCE=1 compiles them twice")
		}
		root := filepath.Join(t.TempDir(), place)
		source(t, root)
		r := &release{root: root, out: filepath.Join(root, "dist"), version: "1.2.3", commit: "c0ffee", time: time.Unix(1_700_000_000, 0).UTC(),
			platforms: []platform{{runtime.GOOS, runtime.GOARCH}}}
		files, err := r.make(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 3 {
			t.Fatalf("law: a platform has an archive and a list, and the release its checksums; got %v", files)
		}
		releases[i] = make(map[string][]byte)
		for _, file := range files {
			if releases[i][file.name], err = os.ReadFile(filepath.Join(r.out, file.name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, content := range releases[0] {
		if !bytes.Equal(content, releases[1][name]) {
			t.Errorf("law: the same commit gives the same bytes, wherever it is built; %s differs", name)
		}
	}
	look(t, releases[0])
}

// look looks at a release as who downloads it does.
func look(t *testing.T, release map[string][]byte) {
	t.Helper()
	name := "gatehouse_1.2.3_" + runtime.GOOS + "_" + runtime.GOARCH
	for file, content := range release {
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(content), file); file != "SHA256SUMS" && !strings.Contains(string(release["SHA256SUMS"]), line) {
			t.Errorf("law: SHA256SUMS has the checksum of every file; it lacks that of %s", file)
		}
	}
	files := unpack(t, release[name+".tar.gz"])
	for _, file := range []string{"gatehouse", "README.md", "LICENSE", "NOTICE"} {
		if len(files[name+"/"+file]) == 0 {
			t.Errorf("law: the archive has %s", file)
		}
	}
	program := files[name+"/gatehouse"]
	for _, private := range []string{os.TempDir() + "/Test", mustOutput(t, "go", "env", "GOMODCACHE")} {
		if bytes.Contains(program, []byte(private)) {
			t.Errorf("law: the program holds no path of the machine that built it; it holds %s", private)
		}
	}
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	var list bom
	if err := json.Unmarshal(release[name+".cdx.json"], &list); err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, c := range list.Components {
		listed = append(listed, c.Name+"@"+c.Version)
	}
	for _, module := range info.Deps {
		if !slices.Contains(listed, module.Path+"@"+module.Version) {
			t.Errorf("law: the list has every module of the program; it lacks %s", module.Path)
		}
		if !slices.ContainsFunc(keys(files), func(file string) bool {
			return strings.HasPrefix(file, name+"/licenses/"+module.Path+"@"+module.Version+"/")
		}) {
			t.Errorf("law: the archive has the terms of every module of the program; it lacks those of %s", module.Path)
		}
	}
	path := filepath.Join(t.TempDir(), "gatehouse")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if said := mustOutput(t, path, "version", "--json"); !strings.Contains(said, `"c0ffee"`) || !strings.Contains(said, `"`+toolchain+`"`) {
		t.Errorf("law: the program says which commit it is and which Go built it; it says %s", said)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(program)); list.Metadata.Component.Hashes[0].Content != sum {
		t.Errorf("law: the list names the program's checksum %s; it names %v", sum, list.Metadata.Component.Hashes)
	}
}

// TestArchivesDependOnNothingElse packs the same entries in another order.
func TestArchivesDependOnNothingElse(t *testing.T) {
	entries := []entry{{name: "b", content: []byte("two")}, {name: "a", content: []byte("one"), program: true}}
	var packed [2][]byte
	for i := range packed {
		slices.Reverse(entries)
		var err error
		if packed[i], err = pack("folder", entries, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(packed[0], packed[1]) {
		t.Error("law: an archive does not depend on the order in which its entries were found")
	}
	if files := unpack(t, packed[0]); string(files["folder/a"]) != "one" || string(files["folder/b"]) != "two" {
		t.Errorf("law: what is packed comes out again; out came %v", files)
	}
}

func TestUncommittedFilesAreNotReleased(t *testing.T) {
	root := t.TempDir()
	git := func(args ...string) {
		mustOutput(t, "git", append([]string{"-C", root, "-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "empty")
	r := &release{root: root}
	if err := r.askGit(t.Context()); err != nil || len(r.commit) != 40 || r.time.IsZero() {
		t.Errorf("law: a release bears its commit and the commit's time; got %q, %s, %v", r.commit, r.time, err)
	}
	if err := os.WriteFile(filepath.Join(root, "more.go"), []byte("package more\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.askGit(t.Context()); err == nil || !strings.Contains(err.Error(), "more.go") {
		t.Errorf("law: what differs from the commit is not released under its name; got %v", err)
	}
}

// TestImageIsBuiltLikeTheRelease: the image has the released bytes only if the
// same Go builds them.
func TestImageIsBuiltLikeTheRelease(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if want := "golang:" + strings.TrimPrefix(toolchain, "go") + " "; !strings.Contains(string(text), want) {
		t.Errorf("law: the Dockerfile builds with the Go of releases; it does not name %s", want)
	}
}

// source copies what a build needs.
func source(t *testing.T, root string) {
	t.Helper()
	for _, dir := range []string{"cmd/gatehouse", "internal", "packaging"} {
		if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join("../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE"} {
		content, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func unpack(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	compressed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for r := tar.NewReader(compressed); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func keys(files map[string][]byte) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	return names
}

func mustOutput(t *testing.T, name string, args ...string) string {
	t.Helper()
	text, err := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return strings.TrimSpace(string(text))
}
