package authing

import (
	"encoding/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Preset is the settings under which the samples and suites of the vendor's SDKs
// pass: many people sign in from one server, mailboxes need not be proved, common passwords will do ("passw0rd" is the
// samples'), a login lasts for two weeks, and sign-up takes the fields of the
// vendor's user that its samples fill in.
func Preset() core.Overrides {
	return core.Overrides{
		"signup.verify_email":     json.RawMessage(`false`),
		"budget.flows_per_minute": json.RawMessage(`600`),
		"password.blocklist":      json.RawMessage(`false`),
		"token.user_life":         json.RawMessage(`"336h"`),
		"profile.fields": json.RawMessage(`[
			{"id": "nickname", "label": "Nickname", "type": "string", "at_signup": true},
			{"id": "company", "label": "Company", "type": "string", "at_signup": true}
		]`),
	}
}
