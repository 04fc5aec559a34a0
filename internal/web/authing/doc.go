// Package authing is the face of Authing's V2 API: its GraphQL operations, its
// REST paths, its numbers for errors. It translates and decides nothing: a
// sign-in is a flow of the machine like any other, in one call.
//
// routes.go lists every path, fields.go every operation that is served. The
// dictionaries are errors.go, ids.go, profile.go and outcome.go. Start reading
// at [Face]; a GraphQL request goes through graphql.go, limits.go, execute.go.
package authing
