package hosted

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// input is a field of the profile form.
type input struct {
	Name     string
	Label    string
	Type     string // of the element; "choice": yes or no
	Mode     string // of the keyboard; empty: as the type has it
	Complete string // what browsers may fill in
	Required bool
	Value    string
	Error    string
	Focus    bool // the page begins here
}

// fieldType is how a type of profile field is asked for, and what is said of a
// value that does not fit.
type fieldType struct {
	element string
	mode    string
	wrong   string
}

func fieldTypes() map[core.ProfileFieldType]fieldType {
	return map[core.ProfileFieldType]fieldType{
		core.ProfileText:    {"text", "", "This must be plain text on one line."},
		core.ProfileInteger: {"text", "numeric", "Enter a whole number, such as 42."},
		core.ProfileDate:    {"date", "", "Enter a date, such as 2001-12-31."},
		core.ProfileBoolean: {"choice", "", "Choose yes or no."},
		core.ProfilePhone:   {"tel", "", "Enter a phone number, such as +44 20 7946 0000."},
		core.ProfileEmail:   {"email", "", "Enter an e-mail address, such as name@example.org."},
	}
}

// completes says what a browser may fill in for fields of common names (HTML
// section 4.10.18.7.1).
func completes() map[string]string {
	return map[string]string{
		"name": "name", "first_name": "given-name", "last_name": "family-name", "nickname": "nickname",
		"phone": "tel", "email": "email", "birthdate": "bday", "company": "organization", "organization": "organization",
		"street": "street-address", "city": "address-level2", "postal_code": "postal-code", "country": "country-name",
		"website": "url",
	}
}

func inputs(fields []core.ProfileField, values form, wrong map[string]string) []input {
	var list []input
	for _, f := range fields {
		t := fieldTypes()[f.Type]
		name := "profile." + f.ID
		complete := completes()[f.ID]
		if complete == "" {
			complete = "off"
		}
		list = append(list, input{
			Name: name, Label: f.Label, Type: t.element, Mode: t.mode, Complete: complete, Required: f.Required, Value: values[name], Error: wrong[name],
		})
	}
	for i := range list {
		if len(wrong) == 0 || list[i].Error != "" {
			list[i].Focus = true
			break
		}
	}
	return list
}

// fieldErrors tells an error at the fields of a screen, as far as it is about
// one of them, and the rest of it for the screen as a whole.
func fieldErrors(prompt flow.Prompt, err error) (at map[string]string, rest string) {
	at = map[string]string{}
	if err == nil {
		return at, ""
	}
	told := refusalOf(err)
	wrong, held := wrongCodes()[prompt.Choice]
	if core.Is(err, core.CodeWrongCode) && held {
		told.text = wrong
	}
	if (prompt.Choice == core.ChoicePassword && told.at == "password") || (told.at == "code" && (prompt.Choice == core.ChoiceEmailOTP || prompt.Choice == core.ChoiceSMSOTP || held)) {
		at[told.at] = told.text
		return at, ""
	}
	if e, ok := errors.AsType[*core.Error](err); ok {
		for _, problem := range e.Fields {
			if name, text := fieldError(prompt, problem); name != "" && at[name] == "" {
				at[name] = text
			} else if name != "" {
				at[name] += " " + text
			} else {
				rest = told.text
			}
		}
	}
	if len(at) == 0 {
		rest = told.text
	}
	return at, rest
}

// wrongCodes says of a code that we did not send why it may be wrong.
func wrongCodes() map[core.ChoiceName]string {
	return map[core.ChoiceName]string{
		core.ChoiceTOTP:         "This code is wrong, or was used already. Try the next one that the app shows, and look whether the clock of the device is right.",
		core.ChoiceRecoveryCode: "This code is wrong, or was used already.",
	}
}

// fieldError finds the field of the screen that a problem is about; "" for none.
func fieldError(prompt flow.Prompt, problem core.Problem) (name, text string) {
	switch {
	case problem.Pointer == "/data/email" && prompt.Choice == core.ChoiceSetEmail:
		if problem.Code == core.ProblemEmail {
			return "email", fieldTypes()[core.ProfileEmail].wrong
		}
		return "email", problem.Detail
	case problem.Pointer == "/data/password" && (prompt.Choice == core.ChoicePassword || prompt.Choice == core.ChoiceSetPassword):
		return "password", problem.Detail
	}
	if prompt.Choice == core.ChoiceAgreements && strings.HasPrefix(problem.Pointer, "/data/agreed") {
		if problem.Code == core.ProblemRequired {
			return "agreed", "Please read and tick what you agree to."
		}
		return "agreed", "A text has changed meanwhile. Please read it again."
	}
	if prompt.Choice == core.ChoiceSMSOTP && problem.Pointer == "/data/phone" {
		return "phone", problem.Detail
	}
	for choice, field := range map[core.ChoiceName]string{core.ChoiceSetUsername: "username", core.ChoiceSetPhone: "phone", core.ChoiceEmailOTP: "code", core.ChoiceTOTP: "code", core.ChoiceRecoveryCode: "code"} {
		if prompt.Choice == choice && problem.Pointer == "/data/"+field {
			return field, problem.Detail
		}
	}
	for _, f := range prompt.Fields {
		if problem.Pointer != "/data/profile/"+core.PointerToken(f.ID) {
			continue
		}
		if problem.Code == core.ProblemRequired {
			return "profile." + f.ID, "Please fill this in."
		}
		return "profile." + f.ID, fieldTypes()[f.Type].wrong
	}
	return "", ""
}

// passwordHint says what the pool wants of a new password.
func passwordHint(s core.Settings) string {
	parts := []string{fmt.Sprintf("at least %d characters", s.PasswordMinLength)}
	for _, rule := range []struct {
		n    int
		one  string
		many string
	}{
		{s.PasswordLower, "lower-case letter", "lower-case letters"},
		{s.PasswordUpper, "upper-case letter", "upper-case letters"},
		{s.PasswordDigits, "digit", "digits"},
		{s.PasswordSymbols, "other character", "other characters"},
	} {
		switch {
		case rule.n == 1:
			parts = append(parts, "1 "+rule.one)
		case rule.n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", rule.n, rule.many))
		}
	}
	last := len(parts) - 1
	hint := "Use " + parts[0]
	if last > 0 {
		hint += ", with " + strings.Join(parts[1:last], ", ")
		if last > 1 {
			hint += " and "
		}
		hint += parts[last]
	}
	hint += "."
	if s.PasswordBlocklist {
		hint += " Common passwords and your own name will not do."
	}
	return hint
}
