// Package directory keeps people: who they are, what is known of them, and
// the passwords that they prove themselves with.
//
// Start reading at [Directory] for people, at [Passwords] for proofs, and at
// [Imports] for people who come from elsewhere.
package directory
