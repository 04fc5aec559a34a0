package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The fields of CycloneDX 1.6 in JSON (ECMA-424) that we have something to say
// in.
type (
	bom struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Serial     string      `json:"serialNumber"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		Hashes     []digest   `json:"hashes,omitempty"`
		PURL       string     `json:"purl"`
		Properties []property `json:"properties,omitempty"`
	}
	digest struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// sbom lists the modules in a program. They are read from the program itself,
// where the linker wrote them, so that nothing is listed that is not in it.
func (r *release) sbom(p platform, program []byte, info *buildinfo.BuildInfo) ([]byte, error) {
	sum := sha256.Sum256(program)
	// A name of the list that is the program's, and no other's: a UUID of
	// version 8 (RFC 9562 section 5.8) made of its checksum.
	id := [16]byte(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	self := purl(info.Main.Path, r.version) + "?goos=" + p.os + "&goarch=" + p.arch
	list := bom{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Serial: fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]),
		Metadata: metadata{Timestamp: r.time.Format(time.RFC3339), Component: component{
			Type: "application", Ref: self, Name: info.Main.Path, Version: r.version, PURL: self,
			Hashes:     []digest{{"SHA-256", hex.EncodeToString(sum[:])}},
			Properties: []property{{"commit", r.commit}},
		}},
	}
	library := func(path, version string, properties ...property) {
		list.Components = append(list.Components, component{Type: "library", Ref: purl(path, version), Name: path, Version: version, PURL: purl(path, version), Properties: properties})
	}
	library("std", strings.TrimPrefix(info.GoVersion, "go"))
	for _, module := range info.Deps {
		// No hash: what go.sum has is the checksum of a list of checksums, and
		// of no file that somebody could compare it with.
		library(module.Path, module.Version, property{"go.sum", module.Sum})
	}
	text, err := json.MarshalIndent(list, "", "  ")
	return append(text, '\n'), err
}

// purl names a Go module as package-url does.
func purl(path, version string) string { return "pkg:golang/" + path + "@" + version }
