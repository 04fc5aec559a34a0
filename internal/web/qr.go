package web

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode/qr"
)

// How a QR code is drawn: pixels of a module, and modules of the white edge
// around it (ISO/IEC 18004 asks for four).
const (
	qrModule = 4
	qrEdge   = 4
)

// QRImage draws a text as a QR code: a PNG image as the address of an img
// element. It returns "" for a text that is longer than a code can hold, some
// two thousand bytes.
func QRImage(text string) string {
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return "" // only the length can be wrong
	}
	size := code.Bounds().Dx()
	drawn := image.NewPaletted(image.Rect(0, 0, (size+2*qrEdge)*qrModule, (size+2*qrEdge)*qrModule), color.Palette{color.White, color.Black})
	for row := range size {
		for column := range size {
			if code.At(column, row) != color.Black {
				continue
			}
			for pixel := range qrModule * qrModule {
				drawn.SetColorIndex((qrEdge+column)*qrModule+pixel%qrModule, (qrEdge+row)*qrModule+pixel/qrModule, 1)
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, drawn); err != nil {
		panic(err) // never: a buffer takes all, and the image is no larger than PNG allows
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes())
}
