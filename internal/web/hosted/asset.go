package hosted

import (
	"crypto/sha256"
	_ "embed" // for the style sheet
	"encoding/hex"
	"net/http"
)

//go:embed style.css
var styleSheet string

// style is the one style sheet, at a path that changes with it.
type style struct {
	file string
	path string
}

func newStyle() style {
	sum := sha256.Sum256([]byte(styleSheet))
	file := "style-" + hex.EncodeToString(sum[:8]) + ".css"
	return style{file: file, path: "/assets/" + file}
}

// asset serves the style sheet, which browsers may keep for ever.
func (p *Pages) asset(w http.ResponseWriter, v *visit) error {
	if v.r.PathValue("file") != p.style.file {
		return noPage()
	}
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	// A browser that has gone away misses nothing.
	_, _ = w.Write([]byte(styleSheet))
	return nil
}
