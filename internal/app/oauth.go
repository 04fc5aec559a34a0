package app

import (
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/web"
	"github.com/gatehouse-id/gatehouse/internal/web/hosted"
	"github.com/gatehouse-id/gatehouse/internal/web/oidc"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// oauthWords is where the endpoints of OAuth 2.0 and OpenID Connect are, and how
// what travels there is spelled: as one vendor's browser package expects. For
// other clients it makes no difference; they read the metadata.
func oauthWords() oidc.Words {
	return oidc.Words{
		Paths: oidc.Paths{
			Authorize: "/v1beta/oauth/authorize", Token: "/v1beta/oauth/token", Introspect: "/v1beta/oauth/token/introspect", Revoke: "/v1beta/oauth/token/revoke",
			DeviceAuthorization: "/v1beta/oauth/device_authorization", Device: hosted.DevicePath,
			Logout: "/v1beta/oauth/logout", UserInfo: "/v1beta/oauth/userinfo", Keys: "/v1beta/oauth/jwks.json",
		},
		ClientID: pangea.ClientID, ReadClientID: pangea.ReadClientID, ReadSecret: pangea.ReadClientSecret, ReadCode: pangea.ReadLoginCode,
		Access: pangea.UserToken, ReadAccess: pangea.ReadUserToken, Refresh: pangea.RefreshToken, ReadRefresh: pangea.ReadRefreshToken,
		Client: pangea.AppToken, ReadClient: pangea.ReadAppToken, More: pangea.Introspected,
	}
}

// authorizeLink is where people begin anew whom an application sent.
func authorizeLink(base string, s flow.State, t core.FlowType, email string) string {
	return oauthWords().AuthorizeLink(base, *s.OAuth, s.AppState, t == core.FlowSignup, email)
}

// oauth makes the server of OAuth 2.0 and OpenID Connect, whose people sign in
// on the hosted pages.
func (a *App) oauth(pages *hosted.Pages, bare string) *oidc.Server {
	return oidc.New(oidc.Deps{
		Pools: a.Pools, Sessions: a.Sessions, Places: web.Places{Pools: a.Pools, PageURL: a.PageURL, BarePool: bare}, Words: oauthWords(), Traffic: a.traffic,
		Pages: oidc.Pages{Begin: pages.Begin, Refuse: pages.Refuse, AskToLeave: pages.AskToLeave, Leave: pages.Leave},
	})
}
