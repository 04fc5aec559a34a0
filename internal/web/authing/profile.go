package authing

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// profileWord is a field of the vendor's user and the field of our profile that
// it is.
type profileWord struct {
	word  string
	field string
}

// profileWords lists the texts of the vendor's user that are ours for the pool
// to name. A pool takes those at sign-up that its profile.fields ask for.
func profileWords() []profileWord {
	return []profileWord{
		{"nickname", "nickname"},
		{"name", "name"},
		{"givenName", "first_name"},
		{"familyName", "last_name"},
		{"middleName", "middle_name"},
		{"preferredUsername", "preferred_username"},
		{"company", "company"},
		{"photo", "photo"},
		{"profile", "profile"},
		{"website", "website"},
		{"gender", "gender"},
		{"birthdate", "birthdate"},
		{"zoneinfo", "zoneinfo"},
		{"locale", "locale"},
		{"address", "address"},
		{"formatted", "formatted"},
		{"streetAddress", "street_address"},
		{"locality", "locality"},
		{"region", "region"},
		{"postalCode", "postal_code"},
		{"city", "city"},
		{"province", "province"},
		{"country", "country"},
		{"externalId", "external_id"},
	}
}

// circumstances are keys of the vendor's profile that tell how somebody signs
// up. The server knows that better; they are taken and not kept.
func circumstances() []string { return []string{"ip", "device", "browser"} }

// customValue is one value of a field that a pool has of its own.
type customValue struct {
	Key   string         `json:"key"`
	Value jsontext.Value `json:"value"`
}

// readProfile gathers what a sign-up or sign-in brings of the profile: the
// vendor's own fields, and the pool's in params, which is JSON within a string.
// Only what the pool asks for at sign-up is taken.
func readProfile(settings core.Settings, given object, params string) (map[string]string, error) {
	asked := make(map[string]core.ProfileField)
	for _, f := range settings.ProfileFields {
		if f.AtSignup {
			asked[f.ID] = f
		}
	}
	profile := make(map[string]string)
	fields := make(map[string]string)
	for _, w := range profileWords() {
		fields[w.word] = w.field
	}
	for _, word := range circumstances() {
		fields[word] = ""
	}
	for _, word := range sorted(given) {
		field, known := fields[word]
		value, isText := given[word].(string)
		if known && field == "" {
			continue
		}
		if _, wanted := asked[field]; !known || !wanted {
			return nil, about{faultProfileUnknown, word}
		}
		if !isText {
			return nil, about{faultProfileWrong, word}
		}
		profile[field] = value
	}
	custom, err := readParams(params)
	if err != nil {
		return nil, err
	}
	for _, c := range custom {
		f, wanted := asked[c.Key]
		if !wanted {
			return nil, about{faultProfileUnknown, c.Key}
		}
		value, ok := plainValue(c.Value, f.Type)
		if !ok {
			return nil, about{faultProfileWrong, c.Key}
		}
		profile[c.Key] = value
	}
	return profile, nil
}

func readParams(params string) ([]customValue, error) {
	if strings.TrimSpace(params) == "" {
		return nil, nil
	}
	var list []customValue
	if err := web.Decode([]byte(params), &list, true); err != nil {
		return nil, about{faultProfileWrong, "params"}
	}
	return list, nil
}

// plainValue writes a JSON value as the text that the profile holds, if it is
// of the type that its field has.
func plainValue(value jsontext.Value, kind core.ProfileFieldType) (string, bool) {
	want := jsontext.Kind('"')
	switch kind {
	case core.ProfileInteger:
		want = '0'
	case core.ProfileBoolean:
		want = 't'
	default: // everything else is text
	}
	got := value.Kind()
	if got == 'f' {
		got = 't'
	}
	if got != want {
		return "", false
	}
	if got != '"' {
		return string(value), true
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err == nil
}

// dataTypes spells the types of profile fields.
func dataTypes() map[core.ProfileFieldType]string {
	return map[core.ProfileFieldType]string{
		core.ProfileText:    "STRING",
		core.ProfileInteger: "NUMBER",
		core.ProfileDate:    "DATETIME",
		core.ProfileBoolean: "BOOLEAN",
		core.ProfilePhone:   "STRING",
		core.ProfileEmail:   "STRING",
	}
}

// customData is the fields that the pool has of its own and the person has a
// value of.
func customData(settings core.Settings, profile core.Profile) []object {
	list := []object{}
	for _, f := range settings.ProfileFields {
		vendors := func(w profileWord) bool { return w.field == f.ID }
		if value := profile[f.ID]; value != "" && !slices.ContainsFunc(profileWords(), vendors) {
			list = append(list, object{"key": f.ID, "value": value, "label": f.Label, "dataType": dataTypes()[f.Type]})
		}
	}
	return list
}
