// Package app builds a running server from a configuration: the only place
// that knows every part. It may name vendors.
//
// Start reading at [Open].
package app
