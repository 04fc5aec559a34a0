// Package oidc is the server side of OAuth 2.0 and OpenID Connect, for every
// pool: its metadata, the authorization endpoint, tokens, what they are and
// their end, and signing out. It knows no vendor: paths and spellings come
// from [Words].
//
// Start reading at [Server.ServeHTTP] and the table in routes.go.
package oidc
