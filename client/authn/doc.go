// Package authn is the Go client of Gatehouse, for the API of Pangea AuthN. It
// needs the standard library only, and its methods stand in the same groups as
// those of the vendor's own SDKs.
//
// # A client
//
// A client wants the server's address and a token of the pool:
//
//	a, err := authn.New("https://id.example.org", token)
//
// With a service token it may do everything, and belongs on a server. A client
// token, which browsers may have, is enough for Flow, Client and Poll. One
// client is enough for a process: it may be used by many goroutines at once.
//
// # Methods
//
//	User.Create  User.Delete  User.List  User.All  User.Update
//	User.Profile.Get  User.Profile.Update
//	User.Password.Expire
//	User.Authenticators.List  User.Authenticators.Delete
//	User.Invite  User.Invites.List  User.Invites.All  User.Invites.Delete
//	User.Group.Assign  User.Group.Remove  User.Group.List  User.Group.All
//	Client.UserInfo  Client.JWKS  Client.Token.Check
//	Client.Session.Refresh  Client.Session.Logout  Client.Password.Change
//	Client.Session.List  Client.Session.All  Client.Session.Invalidate
//	Flow.Start  Flow.Update  Flow.Restart  Flow.Complete  Flow.CompleteOneTime
//	Session.List  Session.All  Session.Invalidate  Session.Logout
//	Agreements.Create  Agreements.Update  Agreements.Delete
//	Agreements.List  Agreements.All
//	Group.Create  Group.Get  Group.Update  Group.Delete
//	Group.List  Group.All  Group.Users.List  Group.Users.All
//	Import.Upload  Import.Validate  Import.Start  Import.Get
//	Import.List  Import.All
//	Poll
//
// Each takes a context first, and ends when that does. A person is named by
// [ByID], [ByEmail] or [ByUsername]. A pointer in a request means that nil
// leaves something as it is; new(true) makes one.
//
// # Signing in
//
// There are two ways. The first are the hosted pages: send the browser to the
// pool's sign-in page with a redirect_uri and a state, and exchange the code
// that comes back by [ClientService.UserInfo]. Compare the state with the one
// that was sent before.
//
// The second are pages of your own, over a flow. [FlowService.Start] begins
// one, and its [FlowState] says what can be answered now. Answer one of the
// choices by [FlowService.Update], and go on with the state that it returns
// until the phase is [PhaseCompleted]; then [FlowService.Complete] gives the
// tokens. Follow the choices and not a fixed order: what is asked for, and
// when, are settings of the pool.
//
//	for state.Phase != authn.PhaseCompleted {
//		switch c := state.Choices[0].(type) {
//		case authn.PasswordChoice:
//			state, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{
//				FlowID: state.FlowID, Answer: authn.PasswordAnswer{Password: password},
//			})
//		case authn.ProfileChoice:
//			...
//		}
//	}
//
// A choice that sends a mail sends it when [FlowService.Restart] says so. The
// link in the mail may be opened on another device: an update without an
// answer looks whether that has happened. A choice that this client has no type
// for is an [OtherChoice], and is answered by an [OtherAnswer].
//
// A server that runs a flow for somebody should say from which address they
// come, by [WithEndUserAddress]; else all wrong tries count for the server's.
//
// # Tokens
//
// The active token shows who somebody is: [TokenService.Check] asks the server
// and sees a revocation at once. When it expires, [ClientSessionService.Refresh] gives
// the next pair for the refresh token, which works once: keep the new one before
// the old one is forgotten. A [Token] prints itself without its secret.
//
// In a pool whose tokens are signed (JWT) the active token can be verified with
// the keys of [ClientService.JWKS], without asking the server; that does not see
// a revocation.
//
// # Errors
//
// Any answer that is no success is an [*Error], with the word of the server, a
// sentence, the request's id, and all that is wrong with the request:
//
//	if e, ok := errors.AsType[*authn.Error](err); ok {
//		log.Info("refused", "status", e.Status, "request", e.RequestID)
//	}
//	if authn.IsStatus(err, authn.StatusInvalidToken, authn.StatusExpiredToken) { ... }
//	if authn.HasProblem(err, "ItemNotUnique", "/email") { ... }
//
// Any other error means that no answer came: the network failed, or the context
// ended. errors.Is finds context.Canceled and context.DeadlineExceeded in it.
//
// # Trying again
//
// After an answer of 500, 502, 503 or 504 a call is tried again, three times
// at most: after half a second, one and two, less up to a quarter at random, or
// when the Retry-After header says. If that is more than a minute away, the
// call returns with the error at once. It never tries again after 429 or any
// other answer, nor after a failure of the network, since nobody knows what
// became of the request. The ids of the requests that failed go along in the
// header X-Pangea-Retried-Request-Ids. See [WithRetries].
//
// An answer of 202 says that a request was accepted and will be done. The call
// asks for the result after 1 second, 4 more, 9 more and so on, for half a
// minute; if it is not there by then, it returns an error with [StatusAccepted],
// and [AuthN.Poll] can ask later. See [WithPatience].
package authn
