package hosted

import (
	"bytes"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/web"
)

// The pages: templates/layout.html is around each of the others, which define
// "title" and "main".
//
//go:embed templates/*.html
var templateFiles embed.FS

// views are the parsed pages by name. They are read and never changed.
type views map[string]*template.Template

// parseViews reads the pages that are built into the program. One that does
// not parse is a fault of the build, which any test finds.
func parseViews() views {
	layout := template.Must(template.ParseFS(templateFiles, "templates/layout.html"))
	entries, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(err)
	}
	all := views{}
	for _, entry := range entries {
		if name := strings.TrimSuffix(entry.Name(), ".html"); name != "layout" {
			all[name] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, path.Join("templates", entry.Name())))
		}
	}
	return all
}

// view is one page to show.
type view struct {
	name    string   // of its template
	status  int      // 0: 200
	targets []string // of its forms, beside this site
	App     string   // whose page it is, for people; empty: the pool's
	Mark    string   // a letter for App
	Style   string   // path of the style sheet
	Brand   brand
	Script  string // path of the page's script; empty: it has none
	policy  string // what it may do beside; empty: run Script, which is ours
	styles  string // more sources of its styles
	Wrong   bool   // it is about an error
	Data    any
	Said    []paragraph // the pool's disclaimer, on the pages of a flow
}

// render writes a page. Nothing is written before all of it is made.
func (p *Pages) render(w http.ResponseWriter, v *visit, page view) {
	if page.App == "" {
		page.App = v.pool.Settings.DisplayName
	}
	if page.App == "" {
		page.App = v.pool.Name
	}
	if first, _ := utf8.DecodeRuneInString(page.App); first != utf8.RuneError {
		page.Mark = string(unicode.ToUpper(first))
	}
	page.Style = p.style.path
	page.Brand = newBrand(v.base, v.pool.Settings)
	var body bytes.Buffer
	if err := p.views[page.name].ExecuteTemplate(&body, "layout", page); err != nil {
		web.Log(v.r.Context(), slog.LevelError, "cannot make a page", slog.String("page", page.name), slog.String("error", err.Error()))
		http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	policy := strings.Replace(contentPolicy(page.targets...), "img-src 'self' data:", "img-src 'self' data:"+pictures(v.pool.Settings), 1)
	switch {
	case page.policy != "":
		policy = strings.Replace(policy, "style-src 'self'", "style-src 'self'"+page.styles, 1) + page.policy
	case page.Script != "":
		policy += "; script-src 'self'"
	}
	h.Set("Content-Security-Policy", policy)
	if page.status == 0 {
		page.status = http.StatusOK
	}
	w.WriteHeader(page.status)
	// A browser that has gone away misses nothing.
	_, _ = body.WriteTo(w)
}
