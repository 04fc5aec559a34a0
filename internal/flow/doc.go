// Package flow is the way in: the sign-up and sign-in machine that every face
// drives.
//
// A flow holds facts ([core.Facts]) and no state. The table in table.go says,
// in order, which phase is needed when, and which choices it offers; the first
// needed phase is where the person is. A choice is one file with three verbs:
// what to show, check an answer, begin again. It checks while no transaction
// is open, and returns an effect that writes what was proved.
//
// Start reading at table.go, then [Machine.Answer].
package flow
