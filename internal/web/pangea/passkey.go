package pangea

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// passkeyData is what a browser's credentials.get or credentials.create has
// answered, as JSON. Which of them is asked for, the flow knows.
type passkeyData struct {
	Authentication jsontext.Value `json:"authentication"`
	Registration   jsontext.Value `json:"registration"`
}

func (d passkeyData) answer(p *problems) flow.Answer {
	var given jsontext.Value
	for pointer, value := range map[string]jsontext.Value{"/data/authentication": d.Authentication, "/data/registration": d.Registration} {
		switch value.Kind() {
		case 0, 'n':
		case '{':
			if given != nil {
				p.add(core.ProblemExclusive, "/data/registration", "A passkey is either new or proved, not both.")
				return flow.Answer{}
			}
			given = value
		default:
			p.add(core.ProblemObject, pointer, "This must be an object.")
		}
	}
	return flow.Answer{Passkey: plainHandle(given)}
}

// plainHandle writes an answer of the browser as WebAuthn has it. The vendor's
// pages take base64url off the user handle before they send it, and nothing
// else. What does not look so is left as it is, for the flow to judge.
func plainHandle(credential jsontext.Value) []byte {
	var whole, response map[string]jsontext.Value
	var handle string
	if json.Unmarshal(credential, &whole) != nil || json.Unmarshal(whole["response"], &response) != nil || json.Unmarshal(response["userHandle"], &handle) != nil {
		return credential
	}
	// Behind the pages of the server it has our prefix.
	if !strings.HasPrefix(handle, prefixUser) && !strings.HasPrefix(handle, core.UserPrefix) {
		return credential
	}
	response["userHandle"] = written(base64.RawURLEncoding.EncodeToString([]byte(handle)))
	whole["response"] = written(response)
	return written(whole)
}

// passkeyPrompt spells what is shown of a passkey's ceremony. The options'
// user.id is the handle itself: the vendor's pages put it into base64url.
func passkeyPrompt(data map[string]any, prompt flow.Prompt) {
	data["enrollment"], data["started"] = prompt.Enrollment, prompt.Passkey.Options != nil
	if prompt.Passkey.Options == nil {
		return
	}
	options := map[string]jsontext.Value{}
	if err := json.Unmarshal(prompt.Passkey.Options, &options); err != nil {
		panic(err) // the machine has written them
	}
	if !prompt.Enrollment {
		data["discovery"] = prompt.Passkey.Discovery
		data["authentication"] = map[string]any{"publicKey": options}
		return
	}
	user := map[string]jsontext.Value{}
	if err := json.Unmarshal(options["user"], &user); err != nil {
		panic(err) // the same
	}
	user["id"] = written(show(prefixUser, prompt.Passkey.Handle))
	options["user"] = written(user)
	data["registration"] = map[string]any{"publicKey": options}
}

// written is a value as JSON.
func written(value any) jsontext.Value {
	text, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		panic(err) // texts, and maps of them, have a JSON form
	}
	return text
}

// rpid is the domain that a passkey is for; empty for what is none.
func rpid(a core.Authenticator) string {
	if a.Kind != core.AuthenticatorPasskey {
		return ""
	}
	data, err := a.Passkey()
	if err != nil {
		return ""
	}
	return data.RPID
}
