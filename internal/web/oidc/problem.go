package oidc

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// problem is an error in the words of OAuth 2.0 (RFC 6749 sections 4.1.2.1 and
// 5.2, OpenID Connect Core 1.0 section 3.1.2.6).
type problem struct {
	status int
	code   string
	text   string
}

// Error gives code and text.
func (p *problem) Error() string { return p.code + ": " + p.text }

// refuse makes a problem of the client's own doing.
func refuse(code, text string) *problem { return &problem{http.StatusBadRequest, code, text} }

// problems spells every error of the catalogue for who asks for tokens.
func problems() map[core.Code]problem {
	grant, request := problem{400, "invalid_grant", ""}, problem{400, "invalid_request", ""}
	away := problem{503, "temporarily_unavailable", ""}
	return map[core.Code]problem{
		core.CodeInvalid: request, core.CodeTooLarge: {413, "invalid_request", ""}, core.CodeUnsupportedMedia: {415, "invalid_request", ""},
		core.CodeNoRoute: {404, "not_found", ""}, core.CodeNotYet: {404, "not_found", ""}, core.CodeMethodNotAllowed: {405, "invalid_request", ""},
		core.CodeUnauthenticated: {401, "invalid_client", ""}, core.CodeForbidden: {400, "unauthorized_client", ""}, core.CodeNotFound: grant, core.CodeTaken: request, core.CodeConflict: grant,
		core.CodeTokenInvalid: grant, core.CodeTokenExpired: grant, core.CodeTicketInvalid: grant, core.CodeWrongCredentials: grant, core.CodeWrongCode: grant, core.CodeCodeExpired: grant,
		core.CodePasskeyRefused: grant, core.CodeCaptchaRefused: grant, core.CodeProviderRefused: grant, core.CodeOtherWay: grant, core.CodeOtherAddress: grant, core.CodeServiceDown: away, core.CodeLocked: grant, core.CodeDisabled: grant, core.CodeSignupClosed: grant,
		core.CodeFlowEnded: grant, core.CodeNotOffered: request, core.CodeFlowIncomplete: grant, core.CodeRedirectRefused: request,
		core.CodeAddressRefused: {403, "access_denied", ""}, core.CodeTravelRefused: {403, "access_denied", ""}, core.CodePlaceRefused: {403, "access_denied", ""}, core.CodeDomainRefused: {403, "access_denied", ""},
		core.CodeTooMany: {429, "temporarily_unavailable", ""}, core.CodeBusy: away, core.CodeUnavailable: away, core.CodeInternal: {500, "server_error", ""},
	}
}

// problemOf spells an error.
func problemOf(err error) problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return *p
	}
	if errors.Is(err, session.ErrScope) {
		return *refuse("invalid_scope", "This is more than was granted.")
	}
	p := problems()[core.CodeOf(err)]
	if e, ok := errors.AsType[*core.Error](err); ok && p.status < 500 {
		p.text = e.Detail
	}
	return p
}

// writeProblem answers with an error.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	if _, ours := errors.AsType[*problem](err); !ours {
		web.Fault(r.Context(), err)
	}
	p := problemOf(err)
	h := w.Header()
	if e, ok := errors.AsType[*core.Error](err); ok && e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	switch {
	case p.status != http.StatusUnauthorized || h.Get("WWW-Authenticate") != "":
	case r.Header.Get("Authorization") != "":
		h.Set("WWW-Authenticate", `Basic realm="client"`)
	default:
		p.status = http.StatusBadRequest // without a challenge there is no 401 (RFC 9110 section 15.5.2)
	}
	answer := map[string]string{"error": p.code}
	if p.text != "" {
		answer["error_description"] = p.text
	}
	writeJSON(w, p.status, answer)
}

// writeJSON answers with what has a JSON form.
func writeJSON(w http.ResponseWriter, status int, answer any) {
	text, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		panic(err) // all that is answered here has a JSON form
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Whoever asked may have gone away.
	_, _ = w.Write(text)
}
