// Package risk says what the rules about where somebody comes from find: from
// which address and country, how far from their last sign-in, with an e-mail
// address of which domain. Nothing in it leaves the machine: what is not in the
// pool's settings is in files that the operator brings.
//
// [Judge] is the rules, and only compares what it is given; [Data] are the
// files.
package risk
