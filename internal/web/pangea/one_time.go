package pangea

import (
	"strconv"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// oneTimeAuth is one of the proofs that a one-time flow takes. The vendor's
// document has the shape, and no path that takes it: see decision 0028.
type oneTimeAuth struct {
	AuthType     string `json:"auth_type"`
	Email        string `json:"email,omitempty"`
	Phone        string `json:"phone,omitempty"`
	Password     string `json:"password,omitempty"`
	PasswordHash string `json:"password_hash,omitempty"`
}

// oneTimeResult is what a completed one-time flow gives: no token, because there
// is nobody whose it could be.
type oneTimeResult struct {
	OneTime oneTimeAuth `json:"one_time"`
}

func checkOneTime(p *problems, auths []oneTimeAuth) {
	for i, a := range auths {
		at := "/one_time_auths/" + strconv.Itoa(i)
		switch core.AuthenticatorKind(a.AuthType) {
		case core.AuthenticatorEmailOTP:
			if p.required(at+"/email", a.Email) {
				p.email(at+"/email", a.Email)
			}
		case core.AuthenticatorSMSOTP:
			if p.required(at+"/phone", a.Phone) {
				p.phone(at+"/phone", a.Phone)
			}
		case core.AuthenticatorPassword:
			p.required(at+"/password", a.Password)
		default:
			p.add(core.ProblemChoice, at+"/auth_type", "A proof of a one-time flow is email_otp, sms_otp or password.")
		}
		if a.PasswordHash != "" {
			p.add(core.ProblemUnknown, at+"/password_hash", "A hash is not taken: no document says of which kind.")
		}
	}
}

func oneTimeAuths(given []oneTimeAuth) []flow.OneTimeAuth {
	var auths []flow.OneTimeAuth
	for _, a := range given {
		auths = append(auths, flow.OneTimeAuth{Kind: core.AuthenticatorKind(a.AuthType), Email: a.Email, Phone: a.Phone, Password: secret.Text(a.Password)})
	}
	return auths
}
