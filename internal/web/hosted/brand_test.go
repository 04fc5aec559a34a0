package hosted_test

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

func TestBrandOfAPool(t *testing.T) {
	s := newSite(t, map[string]any{
		"display_name": "Acme", "brand.logo": "https://cdn.acme.example/logo.svg", "brand.logo_height": 48, "brand.show_name": false, "brand.icon": "https://cdn.acme.example/icon.png",
		"brand.background": "https://pictures.acme.example/b.jpg?w=1", "brand.link": "https://acme.example/", "brand.support": "help@acme.example",
		"brand.colors": map[string]string{"accent": "#8a1c5c", "ground": "#fff8f0"}, "brand.corners": 0, "brand.font": "serif",
		"brand.texts": map[string]string{"start_heading": "Willkommen <b>", "start_button": "Weiter", "password_heading": "Ihr Passwort", "password_button": "Anmelden"},
	}, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	p := b.open(start()).shows(200, "Willkommen <b>")
	if !strings.Contains(p.body, `<a href="mailto:help@acme.example">help@acme.example</a>`) {
		t.Errorf("the page does not say whom to write to:\n%s", p.body)
	}
	if class := attribute(p.all("html")[0], "class"); class != "light" {
		t.Errorf("law: pages with colors for the light alone stay light; the class is %q", class)
	}
	var sheet string
	for _, link := range p.all("link") {
		if href := attribute(link, "href"); strings.HasPrefix(href, "/p/demo/brand.css?v=") {
			sheet = href
		}
	}
	if sheet == "" {
		t.Fatalf("the page has no style sheet of the pool's:\n%s", p.body)
	}
	if images := p.all("img"); len(images) != 1 || attribute(images[0], "src") != "https://cdn.acme.example/logo.svg" || attribute(images[0], "alt") != "Acme" {
		t.Errorf("the logo is not as it was set, with the name for those who do not see it:\n%s", p.body)
	}
	policy := p.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "img-src 'self' data: https://cdn.acme.example https://pictures.acme.example;") {
		t.Errorf("law: the policy lets the pool's pictures in, and no others; it is %s", policy)
	}
	css := b.open(sheet)
	for _, want := range []string{"--accent: #8a1c5c;", "--ground: #fff8f0;", "--corner: 0px; --card-corner: 0px;", "ui-serif", ".logo { height: 48px; }", `url("https://pictures.acme.example/b.jpg?w=1")`} {
		if !strings.Contains(css.body, want) {
			t.Errorf("the style sheet lacks %s:\n%s", want, css.body)
		}
	}
	if media := css.header.Get("Content-Type"); css.status != 200 || media != "text/css; charset=utf-8" || !strings.Contains(css.header.Get("Cache-Control"), "max-age") {
		t.Errorf("the style sheet is served as %d, %s, %s", css.status, media, css.header.Get("Cache-Control"))
	}
	p = b.press(p, "Weiter", "email", "ana@example.org").shows(200, "Ihr Passwort")
	b.press(p, "Anmelden", "password", password).arrives()

	s.newPool("plain", nil, nil)
	p = b.open("/p/plain/authorize").shows(200, "Sign in")
	if len(p.all("link")) != 2 || len(p.all("img")) != 0 || strings.Contains(p.header.Get("Content-Security-Policy"), "https:") {
		t.Errorf("law: a pool that sets nothing has pages as they are:\n%s", p.body)
	}
}

func TestEveryPlaceForTextsIsOnAPage(t *testing.T) {
	places := map[string]bool{}
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`\.Say "([^"]+)"`).FindAllStringSubmatch(string(page), -1) {
			places[found[1]] = true
			if !slices.Contains(core.BrandTexts(), found[1]) {
				t.Errorf("%s has the place %s, which brand.texts does not have", file, found[1])
			}
		}
	}
	for _, place := range core.BrandTexts() {
		if !places[place] {
			t.Errorf("no page has the place %s", place)
		}
	}
}

// A pool's colors are checked against those that stay as they are, which the
// style sheet of all pools has.
func TestColorsAreThoseOfTheStyleSheet(t *testing.T) {
	file, err := os.Open("style.css")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sheet, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(sheet), "prefers-color-scheme: dark")
	if !found {
		t.Fatal("the style sheet knows no dark")
	}
	for name, of := range map[string]struct {
		rules  string
		colors map[string]string
	}{"light": {light, core.LightColors()}, "dark": {dark, core.DarkColors()}} {
		for _, color := range core.BrandColors() {
			if line := "--" + strings.ReplaceAll(color, "_", "-") + ": " + of.colors[color] + ";"; of.colors[color] == "" || !strings.Contains(of.rules, line) {
				t.Errorf("%s: the style sheet has no line %q", name, line)
			}
		}
	}
}
