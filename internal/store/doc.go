// Package store remembers the nouns of core in SQLite or PostgreSQL: one
// store, one set of SQL, two engines. It holds verbs of memory and no rules.
//
// All that belongs to a pool is read and written through [Store.As], which
// binds the caller once; a query then cannot name another pool, because its
// first parameter is always the caller's. The few things that have no pool
// yet, or concern all of them, are the methods of [Across].
//
// Start reading at [Store.Update]. What differs between the engines is in
// sqlite.go and postgres.go.
package store
