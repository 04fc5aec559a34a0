package core

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// brandSettings is how a pool's hosted pages look, and what they say.
func brandSettings() []Setting {
	return []Setting{
		{"brand.logo", "URL", "A picture in place of the letter before the pool's name, over https. Empty: the letter.",
			func(s *Settings) any { return &s.BrandLogo }, func(s *Settings) error { return checkPicture(s.BrandLogo) }},
		{"brand.logo_height", "integer", "How high the picture is shown, in pixels.",
			func(s *Settings) any { return &s.BrandLogoHeight }, func(s *Settings) error { return between(s.BrandLogoHeight, 16, 160) }},
		{"brand.show_name", "boolean", "Whether the name stands beside the picture. Without, it is still read to those who do not see it.",
			func(s *Settings) any { return &s.BrandShowName }, nil},
		{"brand.icon", "URL", "The picture that browsers show for the pages, over https. Empty: none.",
			func(s *Settings) any { return &s.BrandIcon }, func(s *Settings) error { return checkPicture(s.BrandIcon) }},
		{"brand.background", "URL", "A picture behind the pages, over https. Empty: none.",
			func(s *Settings) any { return &s.BrandBackground }, func(s *Settings) error { return checkPicture(s.BrandBackground) }},
		{"brand.link", "URL", "Where the picture and the name lead, over https. Empty: nowhere.",
			func(s *Settings) any { return &s.BrandLink }, func(s *Settings) error { return checkPicture(s.BrandLink) }},
		{"brand.support", "e-mail address", "Whom people may write to, on every page. Empty: nobody.",
			func(s *Settings) any { return &s.BrandSupport }, func(s *Settings) error {
				if _, ok := ParseEmail(s.BrandSupport); s.BrandSupport != "" && !ok {
					return errors.New("is not an e-mail address")
				}
				return nil
			}},
		{"brand.colors", "table of colors", "Colors of the pages as #rrggbb, by what has them: " + strings.Join(BrandColors(), ", ") + ". What people read needs a contrast of 4.5 to what is behind it (WCAG 2.2, 1.4.3). Where there are any, the pages stay light unless brand.dark_colors has some.",
			func(s *Settings) any { return &s.BrandColors }, func(s *Settings) error { return checkColors(s.BrandColors, LightColors()) }},
		{"brand.dark_colors", "table of colors", "The same for people who like their pages dark.",
			func(s *Settings) any { return &s.BrandDarkColors }, func(s *Settings) error { return checkColors(s.BrandDarkColors, DarkColors()) }},
		{"brand.corners", "integer", "How round the corners of fields and buttons are, in pixels. Those of the card are rounder by 6, or as sharp.",
			func(s *Settings) any { return &s.BrandCorners }, func(s *Settings) error { return between(s.BrandCorners, 0, 24) }},
		{"brand.font", "system, serif, rounded or mono", "The kind of letters, of those that people's devices have.",
			func(s *Settings) any { return &s.BrandFont }, func(s *Settings) error { return oneOf(s.BrandFont, FontSystem, FontSerif, FontRounded, FontMono) }},
		{"brand.texts", "table of texts", "Words of your own in place of the pages', by where they stand: " + strings.Join(BrandTexts(), ", ") + ".",
			func(s *Settings) any { return &s.BrandTexts }, func(s *Settings) error {
				for place, text := range s.BrandTexts {
					if !slices.Contains(BrandTexts(), place) {
						return fmt.Errorf("has %q, which is no place", place)
					}
					if err := plainText(text, 100); err != nil || text == "" {
						return fmt.Errorf("needs for %s 1 to 100 bytes of plain text", place)
					}
				}
				return nil
			}},
	}
}

// The values of brand.font.
const (
	FontSystem  = "system"
	FontSerif   = "serif"
	FontRounded = "rounded"
	FontMono    = "mono"
)

// BrandTexts lists the places of brand.texts.
func BrandTexts() []string {
	return []string{
		"start_heading", "start_button", "signup_heading", "signup_button", "password_heading", "password_button",
		"code_button", "captcha_heading", "agreements_heading",
	}
}

// BrandColors lists what brand.colors has colors for.
func BrandColors() []string {
	return []string{"ground", "card", "line", "edge", "field", "text", "soft", "accent", "on_accent"}
}

// LightColors are those of the pages as they are, against which a pool's own
// are checked.
func LightColors() map[string]string {
	return map[string]string{
		"ground": "#f4f5f8", "card": "#ffffff", "line": "#e1e4ea", "edge": "#7c8596", "field": "#ffffff", "text": "#171b24", "soft": "#555e6e",
		"accent": "#2c50d8", "on_accent": "#ffffff",
	}
}

// DarkColors are the same for the dark.
func DarkColors() map[string]string {
	return map[string]string{
		"ground": "#0f1218", "card": "#181c24", "line": "#2a303c", "edge": "#727c8e", "field": "#10141b", "text": "#edf0f5", "soft": "#a5aebd",
		"accent": "#8da6ff", "on_accent": "#0d1430",
	}
}

// readings lists what stands on what, and has to be read there.
func readings() [][2]string {
	return [][2]string{{"text", "card"}, {"text", "ground"}, {"text", "field"}, {"soft", "card"}, {"accent", "card"}, {"on_accent", "accent"}}
}

// checkColors wants colors, which people can read together with the ones that
// stay as they are.
func checkColors(given, standard map[string]string) error {
	all := map[string]string{}
	for name, color := range standard {
		all[name] = color
	}
	for name, color := range given {
		if !slices.Contains(BrandColors(), name) {
			return fmt.Errorf("has %q, which has no color", name)
		}
		if _, ok := luminance(color); !ok {
			return fmt.Errorf("has for %s no color such as #2c50d8", name)
		}
		all[name] = color
	}
	for _, pair := range readings() {
		if c := contrast(all[pair[0]], all[pair[1]]); c < 4.5 {
			return fmt.Errorf("has %s on %s, whose contrast is %.1f and must be 4.5", pair[0], pair[1], c)
		}
	}
	return nil
}

// contrast is that of WCAG 2.2: from 1, none, to 21.
func contrast(a, b string) float64 {
	one, _ := luminance(a)
	other, _ := luminance(b)
	return (max(one, other) + 0.05) / (min(one, other) + 0.05)
}

// luminance is the relative luminance (WCAG 2.2) of a color as #rrggbb.
func luminance(color string) (float64, bool) {
	digits, ok := strings.CutPrefix(color, "#")
	n, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil || len(digits) != 6 {
		return 0, false
	}
	part := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0), true
}

// checkPicture wants an https address that can stand in a style sheet and in a
// content policy as it is.
func checkPicture(address string) error {
	if address == "" {
		return nil
	}
	if err := CheckRedirect(address); err != nil || !strings.HasPrefix(address, "https://") || strings.ContainsAny(address, "'();,") {
		return errors.New("is not an https address without user, fragment and any of ' ( ) ; ,")
	}
	return nil
}
