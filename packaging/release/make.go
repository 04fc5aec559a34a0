package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// made is a file of the release.
type made struct {
	name string
	size int
}

// make builds every platform, and returns the files that it has written.
func (r *release) make(ctx context.Context) ([]made, error) {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return nil, err
	}
	var files []made
	var sums []string
	write := func(name string, content []byte) error {
		if err := os.WriteFile(filepath.Join(r.out, name), content, 0o644); err != nil {
			return err
		}
		files = append(files, made{name, len(content)})
		sums = append(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256(content), name))
		return nil
	}
	for _, p := range r.platforms {
		name := "gatehouse_" + r.version + "_" + p.os + "_" + p.arch
		program, err := r.build(ctx, p)
		if err != nil {
			return files, err
		}
		info, err := buildinfo.Read(bytes.NewReader(program))
		if err != nil {
			return files, err
		}
		entries, err := r.entries(ctx, p, program, info)
		if err != nil {
			return files, err
		}
		archive, err := pack(name, entries, r.time)
		if err != nil {
			return files, err
		}
		list, err := r.sbom(p, program, info)
		if err != nil {
			return files, err
		}
		if err := write(name+".tar.gz", archive); err != nil {
			return files, err
		}
		if err := write(name+".cdx.json", list); err != nil {
			return files, err
		}
	}
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[sha256.Size*2:], b[sha256.Size*2:]) })
	return files, write("SHA256SUMS", []byte(strings.Join(sums, "")))
}

// build builds the program for a platform and returns it.
func (r *release) build(ctx context.Context, p platform) ([]byte, error) {
	draft, err := os.MkdirTemp("", "gatehouse-release-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(draft)
	path := filepath.Join(draft, "gatehouse")
	// -buildvcs=false: it would write down whether files lie about, and which
	// tags this clone has.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.commit="+r.commit, "-o", path, "./cmd/gatehouse")
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain, "GOFLAGS=-mod=readonly", "GOWORK=off",
		"GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building for %s: %w\n%s", p, err, text)
	}
	return os.ReadFile(path)
}

// entries is what the archive of a platform holds.
func (r *release) entries(ctx context.Context, p platform, program []byte, info *buildinfo.BuildInfo) ([]entry, error) {
	entries := []entry{{name: "gatehouse", content: program, program: true}}
	documents := []string{"README.md", "CHANGELOG.md", "LICENSE", "NOTICE"}
	if p.os == "linux" {
		documents = append(documents, "packaging/gatehouse.service", "packaging/gatehouse.toml")
	}
	for _, path := range documents {
		content, err := os.ReadFile(filepath.Join(r.root, path))
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{name: filepath.Base(path), content: content})
	}
	licences, err := r.licences(ctx, info)
	return append(entries, licences...), err
}

// licences is the terms of everything that was built in. Whoever hands on a
// program hands them on with it: see NOTICE.
func (r *release) licences(ctx context.Context, info *buildinfo.BuildInfo) ([]entry, error) {
	goroot, err := r.output(ctx, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	folders := []string{"go@" + strings.TrimPrefix(info.GoVersion, "go") + "\t" + goroot}
	args := []string{"list", "-m", "-f", "{{.Path}}@{{.Version}}\t{{.Dir}}"}
	for _, module := range info.Deps {
		if module.Replace != nil {
			return nil, fmt.Errorf("%s is replaced by another module, whose terms nobody has looked at", module.Path)
		}
		args = append(args, module.Path)
	}
	listed, err := r.output(ctx, "go", args...)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, folder := range append(folders, strings.Split(listed, "\n")...) {
		module, dir, _ := strings.Cut(folder, "\t")
		terms, err := termsIn(module, dir)
		if err != nil {
			return nil, err
		}
		entries = append(entries, terms...)
	}
	return entries, nil
}

// termsIn reads the files of a module that say under what terms it may be used.
func termsIn(module, dir string) ([]entry, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", module, err)
	}
	var entries []entry
	for _, file := range files {
		name := strings.ToUpper(file.Name())
		isTerms := slices.ContainsFunc([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"}, func(word string) bool {
			return strings.HasPrefix(name, word) && !strings.HasSuffix(name, ".GO")
		})
		if file.IsDir() || !isTerms {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{name: "licenses/" + module + "/" + file.Name(), content: content})
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s does not say under what terms it may be used", module)
	}
	return entries, nil
}
