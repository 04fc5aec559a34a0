// Package directory keeps people: who they are, what is known of them, and
// the passwords that they prove themselves with.
//
// Start reading at [Directory] for people and at [Passwords] for proofs.
package directory
