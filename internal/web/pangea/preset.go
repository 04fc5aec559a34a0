package pangea

import (
	"encoding/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Preset is the settings under which the vendor's own samples and test suites
// pass: mailboxes are proved when the application asks for it, sign-up asks
// for a first and a last name, and an invitation lasts for two days.
func Preset() core.Overrides {
	return core.Overrides{
		"signup.verify_email": json.RawMessage(`false`),
		"invitation.life":     json.RawMessage(`"48h"`),
		"profile.fields": json.RawMessage(`[
			{"id": "first_name", "label": "First name", "type": "string", "required": false, "at_signup": true},
			{"id": "last_name", "label": "Last name", "type": "string", "required": false, "at_signup": true}
		]`),
	}
}
