// Package web is what all faces have in common over HTTP: the request's id,
// the client's address, limits, deadlines, strict JSON, and the answer to
// whatever goes wrong below.
//
// Start reading at [Server].
package web
