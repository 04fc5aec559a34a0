package hosted

import (
	"crypto/sha256"
	_ "embed" // for the style sheet and the scripts
	"encoding/hex"
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

//go:embed style.css
var styleSheet string

//go:embed passkey.js
var passkeyScript string

//go:embed captcha.js
var captchaScript string

// asset is a file of the pages, at a path that changes with it.
type asset struct {
	file  string
	path  string
	media string
	text  string
}

func newAsset(name, ending, media, text string) asset {
	sum := sha256.Sum256([]byte(text))
	file := name + "-" + hex.EncodeToString(sum[:8]) + "." + ending
	return asset{file: file, path: "/assets/" + file, media: media, text: text}
}

// asset serves the style sheet and the scripts, which browsers may keep for
// ever.
func (p *Pages) asset(w http.ResponseWriter, v *visit) error {
	for _, a := range []asset{p.style, p.script, p.captchaScript} {
		if v.r.PathValue("file") != a.file {
			continue
		}
		h := w.Header()
		h.Set("Content-Type", a.media+"; charset=utf-8")
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		// A browser that has gone away misses nothing.
		_, _ = w.Write([]byte(a.text))
		return nil
	}
	return core.Fail(core.CodeNoRoute, "There is no such page.")
}
