// Package secret makes, hides and compares secrets: random values, keyed
// hashes, sealed values, password hashes. It knows no word of the product;
// it is the only place that touches a cipher, a MAC or argon2.
//
// Start reading at [Keys], which is what the rest of the house holds.
package secret
