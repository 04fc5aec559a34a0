package authn_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

// listening makes a client of a server that says yes to everything, and keeps
// the body of the newest request.
func listening(t *testing.T) (a *authn.AuthN, sent *string) {
	t.Helper()
	sent = new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if *sent = string(text); err != nil {
			t.Errorf("the request broke off: %v", err)
		}
		fmt.Fprint(w, `{"status":"Success","result":{}}`)
	}))
	t.Cleanup(s.Close)
	return ok(authn.New(s.URL, "pcl_x"))(t), sent
}

// Every choice that has a name here has a type to read and a type to answer
// with, which are written as the vendor's document has them.
func TestEveryChoiceHasItsShapes(t *testing.T) {
	shapes := map[authn.Choice]struct {
		offered authn.FlowChoice
		answer  authn.FlowAnswer
		data    string
		empty   authn.FlowAnswer // where there is an answer that says nothing
	}{
		authn.ChoiceSetEmail:      {authn.SetEmailChoice{}, authn.SetEmailAnswer{Email: "ana@example.org"}, `{"email":"ana@example.org"}`, nil},
		authn.ChoiceSetUsername:   {authn.SetUsernameChoice{}, authn.SetUsernameAnswer{Username: "ana_roe"}, `{"username":"ana_roe"}`, nil},
		authn.ChoiceSetPhone:      {authn.SetPhoneChoice{}, authn.SetPhoneAnswer{Phone: "+18085550173"}, `{"phone":"+18085550173"}`, nil},
		authn.ChoicePassword:      {authn.PasswordChoice{}, authn.PasswordAnswer{Password: "x", Email: "ana@example.org"}, `{"password":"x","email":"ana@example.org"}`, nil},
		authn.ChoiceEmailOTP:      {authn.EmailOTPChoice{}, authn.EmailOTPAnswer{Code: "493021"}, `{"code":"493021"}`, authn.EmailOTPAnswer{}},
		authn.ChoiceMagicLink:     {authn.MagicLinkChoice{}, authn.MagicLinkAnswer{State: "pcb_1", Code: "pmc_1"}, `{"state":"pcb_1","code":"pmc_1"}`, authn.MagicLinkAnswer{}},
		authn.ChoiceSMSOTP:        {authn.SMSOTPChoice{}, authn.SMSOTPAnswer{Code: "493021"}, `{"code":"493021"}`, authn.SMSOTPAnswer{}},
		authn.ChoiceSetPassword:   {authn.SetPasswordChoice{}, authn.SetPasswordAnswer{Password: "x"}, `{"password":"x"}`, nil},
		authn.ChoiceResetPassword: {authn.ResetPasswordChoice{}, authn.ResetPasswordAnswer{State: "pcb_1", Code: "pmc_1"}, `{"state":"pcb_1","code":"pmc_1"}`, authn.ResetPasswordAnswer{}},
		authn.ChoiceVerifyEmail:   {authn.VerifyEmailChoice{}, authn.VerifyEmailAnswer{State: "pcb_1", Code: "pmc_1"}, `{"state":"pcb_1","code":"pmc_1"}`, authn.VerifyEmailAnswer{}},
		authn.ChoiceProfile:       {authn.ProfileChoice{}, authn.ProfileAnswer{Profile: authn.Profile{"age": "41"}}, `{"profile":{"age":"41"}}`, nil},
		authn.ChoicePasskey:       {authn.PasskeyChoice{}, authn.PasskeyAnswer{Authentication: []byte(`{"id":"x"}`)}, `{"authentication":{"id":"x"}}`, authn.PasskeyAnswer{}},
		authn.ChoiceAgreements:    {authn.AgreementsChoice{}, authn.AgreementsAnswer{Agreed: []string{"peu_1"}}, `{"agreed":["peu_1"]}`, nil},
		authn.ChoiceTOTP:          {authn.TOTPChoice{}, authn.TOTPAnswer{Code: "493021", Email: "ana@example.org"}, `{"code":"493021","email":"ana@example.org"}`, nil},
		authn.ChoiceSAML:          {authn.SAMLChoice{}, authn.SAMLAnswer{ProviderID: "pss_1", ProviderName: "Acme", URI: "https://a.example/cb"}, `{"provider_id":"pss_1","provider_name":"Acme","uri":"https://a.example/cb"}`, nil},
		authn.ChoiceCaptcha:       {authn.CaptchaChoice{}, authn.CaptchaAnswer{Code: "03AGd"}, `{"code":"03AGd"}`, nil},
		authn.ChoiceSocial:        {authn.SocialChoice{}, authn.SocialAnswer{Provider: "google", URI: "https://a.example/cb?state=s"}, `{"social_provider":"google","uri":"https://a.example/cb?state=s"}`, nil},
		authn.ChoiceRecoveryCode:  {authn.RecoveryCodeChoice{}, authn.RecoveryCodeAnswer{Code: "abcd-efgh"}, `{"code":"abcd-efgh"}`, authn.RecoveryCodeAnswer{}},

		authn.ChoiceProvisionalEnrollment: {authn.ProvisionalEnrollmentChoice{}, authn.ProvisionalEnrollmentAnswer{State: "pcb_1", Code: "pmc_1"}, `{"state":"pcb_1","code":"pmc_1"}`, authn.ProvisionalEnrollmentAnswer{}},
		authn.ChoiceOAuthConsent:          {authn.OAuthConsentChoice{}, authn.OAuthConsentAnswer{ScopeSelections: []authn.ScopeSelection{{Scope: "reports", IsAllowed: true}}}, `{"scope_selections":[{"scope":"reports","is_allowed":true}]}`, nil},
	}
	a, sent := listening(t)
	for name, shape := range shapes {
		var read authn.FlowChoices
		if err := json.Unmarshal(fmt.Appendf(nil, `[{"choice":%q,"data":{}}]`, name), &read); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%T", read[0]) != fmt.Sprintf("%T", shape.offered) || read[0].Choice() != name {
			t.Errorf("%s is read as %T", name, read[0])
		}
		ok(a.Flow.Update(t.Context(), authn.FlowUpdateRequest{FlowID: "pfl_1", Answer: shape.answer}))(t)
		if want := fmt.Sprintf(`{"flow_id":"pfl_1","choice":%q,"data":%s}`, name, shape.data); *sent != want {
			t.Errorf("sent %s\nwant %s", *sent, want)
		}
		if shape.empty == nil {
			continue
		}
		ok(a.Flow.Update(t.Context(), authn.FlowUpdateRequest{FlowID: "pfl_1", Answer: shape.empty}))(t)
		if want := fmt.Sprintf(`{"flow_id":"pfl_1","choice":%q,"data":{}}`, name); *sent != want {
			t.Errorf("sent %s\nwant %s", *sent, want)
		}
	}
	names := regexp.MustCompile(`\tChoice\w+ +Choice = "(\w+)"`).FindAllStringSubmatch(string(ok(os.ReadFile("choice.go"))(t)), -1)
	if len(names) != len(shapes) {
		t.Errorf("there are %d choices, and %d are here", len(names), len(shapes))
	}
	for _, name := range names {
		if _, found := shapes[authn.Choice(name[1])]; !found {
			t.Errorf("%s is not here", name[1])
		}
	}
}

// A restart may say where to send to, and need not.
func TestRestartNamesAnAddress(t *testing.T) {
	a, sent := listening(t)
	for email, data := range map[string]string{"": `{}`, "ana@example.org": `{"email":"ana@example.org"}`} {
		ok(a.Flow.Restart(t.Context(), authn.FlowRestartRequest{FlowID: "pfl_1", Choice: authn.ChoiceEmailOTP, Email: email}))(t)
		if want := `{"flow_id":"pfl_1","choice":"email_otp","data":` + data + `}`; *sent != want {
			t.Errorf("sent %s\nwant %s", *sent, want)
		}
	}
	ok(a.Flow.Restart(t.Context(), authn.FlowRestartRequest{FlowID: "pfl_1", Choice: authn.ChoiceSMSOTP, Phone: "+18085550173"}))(t)
	if want := `{"flow_id":"pfl_1","choice":"sms_otp","data":{"phone":"+18085550173"}}`; *sent != want {
		t.Errorf("sent %s\nwant %s", *sent, want)
	}
}
