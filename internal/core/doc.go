// Package core holds the nouns of Gatehouse: types, their rules of validity,
// ids, error codes, event names and pool settings.
//
// What may live here: things that need no input and output. No database, no
// network, no context, and no word of a vendor; a function that needs one of
// these belongs on a higher floor. Start reading at [Caller], [User] and
// [Facts].
package core
