package oidc

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// params are the parameters of a request: each name once.
type params map[string]string

// of is a parameter. What scripts in browsers write for a value that they do not
// have is none.
func (p params) of(name string) string {
	if value := p[name]; value != "undefined" && value != "null" {
		return value
	}
	return ""
}

// known are the parameters that mean something at an endpoint that is called by
// GET.
func known() []string {
	return []string{
		"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
		"prompt", "max_age", "login_hint", "request", "request_uri", "registration",
		"id_token_hint", "post_logout_redirect_uri",
	}
}

// secrets are the parameters that are never in an address: those stand in logs
// and histories.
func secrets() []string {
	return []string{"client_secret", "client_assertion", "code", "code_verifier", "device_code", "refresh_token", "token", "access_token", "password"}
}

// readParams reads the parameters of a request: those of a GET from its address,
// those of a POST from its form.
func readParams(r *http.Request, rt route) (params, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, core.Fail(core.CodeInvalid, "The address could not be read.")
	}
	for name := range query {
		if slices.Contains(secrets(), name) {
			return nil, core.Fail(core.CodeInvalid, "The parameter "+name+" must not stand in an address: send it in a form.")
		}
	}
	if r.Method == http.MethodPost {
		if rt.bodiless && r.ContentLength == 0 {
			return params{}, nil
		}
		form, err := web.ReadForm(r, web.MaxForm)
		return form, err
	}
	list, err := web.Query(r, known()...)
	return list, err
}
