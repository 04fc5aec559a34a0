package web

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

func drawn(t *testing.T, text string) image.Image {
	t.Helper()
	encoded, ok := strings.CutPrefix(QRImage(text), "data:image/png;base64,")
	if !ok {
		t.Fatalf("the image of %q is %q", text, QRImage(text))
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// A code has its three corners, by which a camera finds it, and an edge around
// it; what it says differs from what another says.
func TestQRImage(t *testing.T) {
	black := func(img image.Image, x, y int) bool {
		return color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y < 128
	}
	for _, text := range []string{"x", "otpauth://totp/Acme:ana@example.org?secret=JBSWY3DPEHPK3PXP&issuer=Acme", strings.Repeat("ü", 700)} {
		img := drawn(t, text)
		size := img.Bounds().Dx()
		modules := size/qrModule - 2*qrEdge
		if img.Bounds().Dy() != size || modules < 21 || (modules-17)%4 != 0 {
			t.Fatalf("the image of %d bytes is %v: %d modules", len(text), img.Bounds(), modules)
		}
		for x := range size {
			for y := range size {
				if edge := min(x, y, size-1-x, size-1-y) < qrEdge*qrModule; edge && black(img, x, y) {
					t.Fatalf("the edge is not white at %d, %d", x, y)
				}
			}
		}
		// A corner is black, white, black from the outside in.
		at := func(column, row int) bool { return black(img, (qrEdge+column)*qrModule+1, (qrEdge+row)*qrModule+2) }
		for _, corner := range [][2]int{{0, 0}, {modules - 7, 0}, {0, modules - 7}} {
			for column := range 7 {
				for row := range 7 {
					ring := min(column, row, 6-column, 6-row)
					if got := at(corner[0]+column, corner[1]+row); got != (ring != 1) {
						t.Fatalf("the corner at %v is not whole at %d, %d", corner, column, row)
					}
				}
			}
		}
	}
	if QRImage("one") == QRImage("two") {
		t.Error("two texts look alike")
	}
	if got := QRImage(strings.Repeat("x", 3000)); got != "" {
		t.Errorf("a text that is too long has an image of %d bytes", len(got))
	}
}
