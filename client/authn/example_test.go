package authn_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

func ExampleNew() {
	a, err := authn.New("https://id.example.org", "pts_your_service_token",
		authn.WithHTTPClient(&http.Client{Timeout: 10 * time.Second}),
		authn.WithUserAgent("shop/1.4"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a != nil)
	// Output: true
}

// A person is created, found, changed and deleted.
func Example() {
	ctx := context.Background()
	a, _, stop := demo(nil)
	defer stop()

	u, err := a.User.Create(ctx, authn.UserCreateRequest{
		Email: "joe.user@email.com", Profile: authn.Profile{"first_name": "Joe", "last_name": "User"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	u, err = a.User.Profile.Update(ctx, authn.ProfileUpdateRequest{UserRef: authn.ByID(u.ID), Set: authn.Profile{"phone": "18085550173"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Email, u.Profile["first_name"], u.Profile["phone"])
	u, err = a.User.Update(ctx, authn.UserUpdateRequest{UserRef: authn.ByEmail("joe.user@email.com"), Disabled: new(true)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("disabled:", u.Disabled)
	if err := a.User.Delete(ctx, authn.ByEmail("joe.user@email.com")); err != nil {
		fmt.Println(err)
		return
	}
	_, err = a.User.Profile.Get(ctx, authn.ByEmail("joe.user@email.com"))
	fmt.Println("gone:", authn.IsStatus(err, authn.StatusNotFound))
	// Output:
	// joe.user@email.com Joe 18085550173
	// disabled: true
	// gone: true
}

// The loop asks for further pages while it goes on.
func ExampleUserService_All() {
	ctx := context.Background()
	a, _, stop := demo(nil)
	defer stop()
	for _, name := range []string{"ana", "bob", "eve"} {
		if _, err := a.User.Create(ctx, authn.UserCreateRequest{Email: name + "@example.org"}); err != nil {
			fmt.Println(err)
			return
		}
	}

	newest := authn.UserListRequest{
		Filter:  authn.UserFilter{Email: authn.TextFilter{Contains: []string{"@example.org"}}, CreatedAt: authn.TimeFilter{After: time.Now().Add(-time.Hour)}},
		OrderBy: authn.OrderByCreatedAt, Order: authn.Descending, Size: 2,
	}
	for u, err := range a.User.All(ctx, newest) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(u.Email)
	}
	// Output:
	// eve@example.org
	// bob@example.org
	// ana@example.org
}

// signUpOrIn takes somebody through a flow, following what is offered.
func signUpOrIn(ctx context.Context, a *authn.AuthN, email, password string, profile authn.Profile) (*authn.Tokens, error) {
	state, err := a.Flow.Start(ctx, authn.FlowStartRequest{Email: email})
	for err == nil && state.Phase != authn.PhaseCompleted {
		if len(state.Choices) == 0 {
			return nil, errors.New("the flow does not go on")
		}
		var answer authn.FlowAnswer
		switch c := state.Choices[0].(type) {
		case authn.PasswordChoice:
			fmt.Printf("%s: choose a password: %t\n", state.FlowTypes[0], c.Enrollment)
			answer = authn.PasswordAnswer{Password: password}
		case authn.ProfileChoice:
			fmt.Println("asked for:", c.Fields[0].Label, "and", c.Fields[1].Label)
			answer = authn.ProfileAnswer{Profile: profile}
		default:
			return nil, fmt.Errorf("this application cannot answer %s", c.Choice())
		}
		state, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: state.FlowID, Answer: answer})
	}
	if err != nil {
		return nil, err
	}
	return a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: state.FlowID})
}

// An application with pages of its own signs people up and in over a flow, on
// behalf of the address of their browser.
func ExampleFlowService() {
	a, _, stop := demo(nil)
	defer stop()
	ctx := authn.WithEndUserAddress(context.Background(), netip.MustParseAddr("203.0.113.9"))

	for range 2 {
		tokens, err := signUpOrIn(ctx, a, "ana@example.org", "correct horse 7 staple", authn.Profile{"first_name": "Ana"})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tokens.ActiveToken.Email, tokens.ActiveToken.Profile["first_name"])
	}
	// Output:
	// signup: choose a password: true
	// asked for: First name and Last name
	// ana@example.org Ana
	// signin: choose a password: false
	// ana@example.org Ana
}

// Somebody who forgot their password chooses a new one by a link in a mail.
func ExampleFlowService_Restart() {
	ctx := context.Background()
	a, server, stop := demo(nil)
	defer stop()
	if _, err := a.User.Create(ctx, authn.UserCreateRequest{Email: "ana@example.org"}); err != nil {
		fmt.Println(err)
		return
	}

	state, err := a.Flow.Start(ctx, authn.FlowStartRequest{Email: "ana@example.org", CallbackURI: "https://shop.example.org/callback"})
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err = a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: state.FlowID, Choice: authn.ChoiceResetPassword})
	if err != nil {
		fmt.Println(err)
		return
	}
	reset, _ := authn.Offered[authn.ResetPasswordChoice](state)
	fmt.Println("sent:", reset.Sent)

	// The link leads the browser back to the callback, with this code and reset.State.
	code, err := server.link(ctx, "ana@example.org", "reset_password")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, answer := range []authn.FlowAnswer{
		authn.ResetPasswordAnswer{State: reset.State, Code: code},
		authn.SetPasswordAnswer{Password: "correct horse 7 staple"},
	} {
		if state, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: state.FlowID, Answer: answer}); err != nil {
			fmt.Println(err)
			return
		}
	}
	tokens, err := a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: state.FlowID})
	fmt.Println(err == nil && tokens.ActiveToken.Enabled)
	// Output:
	// sent: true
	// true
}

// A session is looked at, carried on and ended.
func ExampleClientSessionService() {
	ctx := context.Background()
	a, _, stop := demo(map[string]any{"profile.fields": []any{}})
	defer stop()
	tokens, err := signUpOrIn(ctx, a, "ana@example.org", "correct horse 7 staple", nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	info, err := a.Client.Token.Check(ctx, tokens.ActiveToken.Token)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(info.Email, info.Expire.Sub(info.CreatedAt))
	next, err := a.Client.Session.Refresh(ctx, authn.RefreshRequest{RefreshToken: tokens.RefreshToken.Token})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := a.Client.Session.Logout(ctx, next.ActiveToken.Token); err != nil {
		fmt.Println(err)
		return
	}
	_, err = a.Client.Token.Check(ctx, next.ActiveToken.Token)
	fmt.Println("ended:", authn.IsStatus(err, authn.StatusInvalidToken))
	// Output:
	// signup: choose a password: true
	// ana@example.org 48h0m0s
	// ended: true
}

// An error says all that is wrong with a request.
func ExampleError() {
	a, _, stop := demo(nil)
	defer stop()
	_, err := a.User.Create(context.Background(), authn.UserCreateRequest{Email: "nobody", Username: "?"})
	e, ok := errors.AsType[*authn.Error](err)
	if !ok {
		fmt.Println("no answer came:", err)
		return
	}
	fmt.Println(e.Status, e.HTTPStatus, e.Summary)
	for _, p := range e.Problems {
		fmt.Println(p.Source, p.Code)
	}
	// Output:
	// ValidationError 400 2 problems found in the request body
	// /email BadFormatEmail
	// /username DoesNotMatchPattern
}

// A request that is accepted can be asked for later.
func ExampleAuthN_Poll() {
	// This server takes its time once.
	const answer = `{"request_id": "prq_a", "status": %q, "summary": "", "result": %s}`
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, answer, "Accepted", `{"ttl_mins": 60, "retry_counter": 0, "location": ""}`)
			return
		}
		fmt.Fprintf(w, answer, "Success", `{"email": "ana@example.org"}`)
	}))
	defer server.Close()

	ctx := context.Background()
	a, err := authn.New(server.URL, "pts_your_service_token", authn.WithPatience(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	u, err := a.User.Profile.Get(ctx, authn.ByEmail("ana@example.org"))
	if e, ok := errors.AsType[*authn.Error](err); ok && e.Status == authn.StatusAccepted {
		u = new(authn.User)
		err = a.Poll(ctx, e.RequestID, u)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Email)
	// Output: ana@example.org
}

// An application shows somebody where they are signed in, and lets them end
// what they do not know.
func ExampleClientSessionService_All() {
	ctx := context.Background()
	a, _, stop := demo(map[string]any{"profile.fields": []any{}})
	defer stop()
	var tokens *authn.Tokens
	for range 3 {
		var err error
		if tokens, err = signUpOrIn(ctx, a, "ana@example.org", "correct horse 7 staple", nil); err != nil {
			fmt.Println(err)
			return
		}
	}

	token := tokens.ActiveToken.Token
	for session, err := range a.Client.Session.All(ctx, authn.ClientSessionListRequest{Token: token}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		here := session.ID == tokens.RefreshToken.ID
		fmt.Println(session.Email, "here:", here)
		if !here {
			if err := a.Client.Session.Invalidate(ctx, authn.ClientSessionInvalidateRequest{Token: token, SessionID: session.ID}); err != nil {
				fmt.Println(err)
				return
			}
		}
	}
	page, err := a.Client.Session.List(ctx, authn.ClientSessionListRequest{Token: token})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("left:", len(page.Sessions))
	// Output:
	// signup: choose a password: true
	// signin: choose a password: false
	// signin: choose a password: false
	// ana@example.org here: false
	// ana@example.org here: false
	// ana@example.org here: true
	// left: 1
}

// An administrator ends all sessions of a person, and has them choose another
// password.
func ExampleSessionService_Logout() {
	ctx := context.Background()
	a, _, stop := demo(map[string]any{"profile.fields": []any{}})
	defer stop()
	tokens, err := signUpOrIn(ctx, a, "ana@example.org", "correct horse 7 staple", nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	u, err := a.User.Profile.Get(ctx, authn.ByEmail("ana@example.org"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := errors.Join(a.User.Password.Expire(ctx, u.ID), a.Session.Logout(ctx, u.ID)); err != nil {
		fmt.Println(err)
		return
	}
	_, err = a.Client.Token.Check(ctx, tokens.ActiveToken.Token)
	fmt.Println("ended:", authn.IsStatus(err, authn.StatusInvalidToken))
	state, err := a.Flow.Start(ctx, authn.FlowStartRequest{Email: u.Email})
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: state.FlowID, Answer: authn.PasswordAnswer{Password: "correct horse 7 staple"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(state.Phase)
	// Output:
	// signup: choose a password: true
	// ended: true
	// phase_set_password
}

// Somebody is invited, and the invitation is taken back.
func ExampleUserService_Invite() {
	ctx := context.Background()
	a, _, stop := demo(nil)
	defer stop()

	invite, err := a.User.Invite(ctx, authn.InviteRequest{
		Inviter: "joe.user@email.com", Email: "ana@example.org", Callback: "https://shop.example.org/callback", State: "4fd1ab0d2c",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(invite.Email, "within", invite.Expire.Sub(invite.CreatedAt))
	mine := authn.InviteFilter{Inviter: authn.TextFilter{Equals: "joe.user@email.com"}}
	for pending, err := range a.User.Invites.All(ctx, authn.InviteListRequest{Filter: mine}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("pending:", pending.Email)
	}
	if err := a.User.Invites.Delete(ctx, invite.ID); err != nil {
		fmt.Println(err)
		return
	}
	page, err := a.User.Invites.List(ctx, authn.InviteListRequest{Filter: mine})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("left:", page.Count)
	// Output:
	// ana@example.org within 48h0m0s
	// pending: ana@example.org
	// left: 0
}

// Somebody who lost a way in has it removed, and sets up another.
func ExampleAuthenticatorsService() {
	ctx := context.Background()
	a, _, stop := demo(map[string]any{"profile.fields": []any{}})
	defer stop()
	if _, err := signUpOrIn(ctx, a, "ana@example.org", "correct horse 7 staple", nil); err != nil {
		fmt.Println(err)
		return
	}

	who := authn.ByEmail("ana@example.org")
	list, err := a.User.Authenticators.List(ctx, who)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, one := range list {
		fmt.Println(one.Type, one.Phase)
		if err := a.User.Authenticators.Delete(ctx, authn.AuthenticatorDeleteRequest{UserRef: who, AuthenticatorID: one.ID}); err != nil {
			fmt.Println(err)
			return
		}
	}
	list, err = a.User.Authenticators.List(ctx, who)
	fmt.Println("left:", len(list), err)
	// Output:
	// signup: choose a password: true
	// password primary
	// left: 0 <nil>
}
