package authing

import "net/http"

// handler answers one path. Whatever bounds how often it may be asked is put
// around it in the table.
type handler func(f *Face, w http.ResponseWriter, r *http.Request)

// route is one path that is served.
type route struct {
	method string
	path   string
	handle handler
}

// pathGraphQL is the one path of all GraphQL operations.
const pathGraphQL = "/graphql/v2"

// routes is every path that is served. The vendor has many more below /api/v2/;
// they answer that they are not there yet.
func routes() []route {
	const post, get = http.MethodPost, http.MethodGet
	return []route{
		{post, pathGraphQL, (*Face).graphql},
		{get, "/api/v2/users/me", rest((*Face).usersMe)},
		{get, "/api/v2/logout", rest((*Face).logout)},
		{get, "/api/v2/.well-known", rest((*Face).wellKnown)},
	}
}
