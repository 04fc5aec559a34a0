package hosted

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// brand is how the pages of a pool look, where it says so.
type brand struct {
	Logo     string
	Height   int
	ShowName bool
	Icon     string
	Link     string
	Support  string
	Style    string // path of the style sheet; empty: there is no need for one
	Light    bool   // the dark colors were not made for the pool's own, so the pages stay light
}

// newBrand reads the settings. Its style sheet is at a path that changes with
// it, so that browsers may keep it.
func newBrand(base string, s core.Settings) brand {
	b := brand{Logo: s.BrandLogo, Height: s.BrandLogoHeight, ShowName: s.BrandShowName || s.BrandLogo == "", Icon: s.BrandIcon, Link: s.BrandLink, Support: s.BrandSupport, Light: len(s.BrandColors) > 0 && len(s.BrandDarkColors) == 0}
	if sheet := brandSheet(s); sheet != "" {
		sum := sha256.Sum256([]byte(sheet))
		b.Style = base + "/brand.css?v=" + hex.EncodeToString(sum[:8])
	}
	return b
}

// pictures are the sources of a pool's pictures, for the content policy.
func pictures(s core.Settings) string {
	var sources strings.Builder
	for _, address := range []string{s.BrandLogo, s.BrandIcon, s.BrandBackground} {
		for _, source := range formTarget(address) {
			if !strings.Contains(sources.String()+" ", " "+source+" ") {
				sources.WriteString(" " + source)
			}
		}
	}
	return sources.String()
}

// brandStyle serves the style sheet of a pool.
func (p *Pages) brandStyle(w http.ResponseWriter, v *visit) error {
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=86400")
	// A browser that has gone away misses nothing.
	_, _ = w.Write([]byte(brandSheet(v.pool.Settings)))
	return nil
}

// brandSheet writes a pool's style sheet; empty: the pages are as they are. All
// that goes into it was checked when it was set: colors are digits, and
// addresses have no character that means anything in a style sheet.
func brandSheet(s core.Settings) string {
	var sheet strings.Builder
	if len(s.BrandColors) > 0 {
		sheet.WriteString(":root {\n" + colorLines(s.BrandColors) + "}\n")
	}
	if len(s.BrandDarkColors) > 0 {
		sheet.WriteString("@media (prefers-color-scheme: dark) {\n:root:not(.light) {\n" + colorLines(s.BrandDarkColors) + "}\n}\n")
	}
	standard := core.DefaultSettings()
	if s.BrandCorners != standard.BrandCorners {
		card := s.BrandCorners + 6
		if s.BrandCorners == 0 {
			card = 0
		}
		fmt.Fprintf(&sheet, ":root { --corner: %dpx; --card-corner: %dpx; }\n", s.BrandCorners, card)
	}
	if family, ok := fonts()[s.BrandFont]; ok {
		sheet.WriteString("body { font-family: " + family + "; }\n")
	}
	if s.BrandLogo != "" && s.BrandLogoHeight != standard.BrandLogoHeight {
		fmt.Fprintf(&sheet, ".logo { height: %dpx; }\n", s.BrandLogoHeight)
	}
	if s.BrandBackground != "" {
		sheet.WriteString("body { background: var(--ground) url(\"" + s.BrandBackground + "\") center / cover no-repeat fixed; }\n.brand, .support { padding: 6px 12px; border-radius: var(--corner); background: var(--ground); }\n")
	}
	return sheet.String()
}

// colorLines sets colors, and those that follow from them.
func colorLines(colors map[string]string) string {
	var lines strings.Builder
	for _, name := range core.BrandColors() {
		if color, ok := colors[name]; ok {
			lines.WriteString("--" + strings.ReplaceAll(name, "_", "-") + ": " + color + ";\n")
		}
	}
	return lines.String() + `--accent-strong: color-mix(in srgb, var(--accent), var(--text) 20%);
--still: color-mix(in srgb, var(--card), var(--text) 5%);
--note-ground: color-mix(in srgb, var(--card), var(--accent) 9%);
`
}

// fonts are the letters that are not the system's own.
func fonts() map[string]string {
	return map[string]string{
		core.FontSerif:   `ui-serif, "Iowan Old Style", Charter, Georgia, "Noto Serif", "Times New Roman", serif`,
		core.FontRounded: `ui-rounded, "Hiragino Maru Gothic ProN", Quicksand, Comfortaa, Nunito, "Arial Rounded MT Bold", system-ui, sans-serif`,
		core.FontMono:    `ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace`,
	}
}

// Say is what stands at a place: the pool's own words, or else ours.
func (s screen) Say(place, ours string) string {
	if own := s.texts[place]; own != "" {
		return own
	}
	return ours
}
