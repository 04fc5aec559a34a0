// Package pangea is the face of Pangea AuthN v2: its paths, envelope, ids and
// words over the rules below. It translates and decides nothing.
//
// routes.go lists every path of the vendor's document. Three dictionaries
// translate: ids.go, errors.go and words.go. Start reading at [Face].
package pangea
