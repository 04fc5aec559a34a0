// Package session starts, carries on, checks and ends the sessions of people,
// and the tokens that stand for them.
//
// Start reading at [Sessions].
package session
