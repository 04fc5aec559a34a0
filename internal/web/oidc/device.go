package oidc

import (
	"errors"
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// deviceAnswer is what a device gets that has no browser (RFC 8628 section 3.2).
type deviceAnswer struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	// Where people type the user code in, without and with it filled in.
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"` // in seconds
	Interval                int64  `json:"interval"`   // in seconds
}

// device has a device wait until somebody has signed in for it elsewhere (RFC
// 8628 section 3.1).
func (s *Server) device(w http.ResponseWriter, v *visit) error {
	app, err := s.client(v)
	if err != nil {
		return err
	}
	v.caller.Actor.ID = string(app.ID)
	if !app.Client.May(core.GrantDevice) {
		return refuse("unauthorized_client", "This client may not come to tokens in this way.")
	}
	scopes, ok := v.at.Pool.Settings.AskedScopes(app.Client, v.given.of("scope"))
	if !ok {
		return refuse("invalid_scope", "There are too many scopes, or one of them is none that the client may ask for.")
	}
	wait, err := s.Sessions.GiveDeviceCode(v.r.Context(), v.caller, v.at.Pool.Settings, app, scopes)
	if err != nil {
		return err
	}
	page, code := s.Places.PageURL(v.at.Pool)+s.Words.Paths.Device, core.SpellUserCode(wait.UserCode)
	writeJSON(w, http.StatusOK, deviceAnswer{
		DeviceCode: wait.Code, UserCode: code, VerificationURI: page, VerificationURIComplete: web.WithQuery(page, "user_code", code),
		ExpiresIn: seconds(core.DeviceCodeLife), Interval: seconds(core.DeviceCodeEvery),
	})
	return nil
}

// byDevice gives a device its tokens, once somebody has signed in for it (RFC
// 8628 section 3.4).
func (s *Server) byDevice(v *visit, app core.Application) (tokenAnswer, error) {
	code := v.given.of("device_code")
	if code == "" {
		return tokenAnswer{}, refuse("invalid_request", "The device_code is missing.")
	}
	g, err := s.Sessions.ExchangeDevice(v.r.Context(), v.caller, v.at.Pool.Settings, app, code)
	if err != nil {
		return tokenAnswer{}, notYet(err)
	}
	return s.answer(g), nil
}

// notYet tells a device why it has no tokens, or not yet (RFC 8628 section 3.5).
func notYet(err error) error {
	switch {
	case errors.Is(err, session.ErrPending):
		return refuse("authorization_pending", "Nobody has signed in yet.")
	case errors.Is(err, session.ErrTooSoon):
		return refuse("slow_down", "Nobody has signed in yet. Leave five seconds more from now on than before.")
	case errors.Is(err, session.ErrRefused):
		return refuse("access_denied", "The person did not allow this.")
	case errors.Is(err, session.ErrLate):
		return refuse("expired_token", "Nobody has signed in in time. Begin again.")
	default:
		return err
	}
}
