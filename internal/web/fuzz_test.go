package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// body has a key of every kind that requests have.
type body struct {
	Text  string            `json:"text"`
	Size  *int              `json:"size"`
	Flag  *bool             `json:"flag"`
	Many  []string          `json:"many"`
	Named map[string]string `json:"named"`
	Below *struct {
		Text string `json:"text"`
	} `json:"below"`
	Any map[string]any `json:"any"`
}

// FuzzDecode reads any body: what is accepted says the same when it is written
// again, has no key that we do not know and none twice, and ends where it ends;
// what is refused is refused as not valid, with a reason (X20).
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "null", "{}", "[]", `""`, "1", "{", "\ufeff{}", `{"text":"a"}`, `{"text":"\u0000\ud83d\ude00"}`, `{"text":"\ud800"}`, "{\"text\":\"\xff\"}", `{"size":1}`, `{"size":1.0}`, `{"size":1e2}`, `{"size":99999999999999999999}`,
		`{"flag":null}`, `{"many":["a",null]}`, `{"named":{"a":"b","a":"c"}}`, `{"named":{"":""}}`, `{"below":{"text":"a"}}`, `{"below":{"Text":"a"}}`, `{"TEXT":"a"}`, `{"te\u0078t":"a","text":"b"}`, `{"unknown":[{}]}`,
		`{"any":{"a":[1,1e400,true,null,{"b":"c"}]}}`, `{} x`, "{}\n\t ", `{"text":"a",}`, `{/**/}`, `{"any":{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`, `{"any":{"a":"` + strings.Repeat("[", 40) + `\"{"}}`,
		`{"any":{"a":` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + `}}`, `{"any":{"a":123456789012345678901234567890}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := bytes.Clone(text)
		var strict, lenient body
		err := web.Decode(text, &strict, false)
		if !bytes.Equal(text, given) {
			t.Fatalf("law: reading a body does not change it; %q became %q", given, text)
		}
		if err != nil {
			if fields := problemsOf(err); !core.Is(err, core.CodeInvalid) || len(fields) != 1 || fields[0].Detail == "" {
				t.Fatalf("law: what is refused is not valid, and why is said; %q gave %v", text, err)
			}
			return
		}
		if err := web.Decode(text, &lenient, true); err != nil || !reflect.DeepEqual(strict, lenient) {
			t.Fatalf("law: what is accepted strictly is accepted leniently, as the same; %q gave %+v and %+v (%v)", text, strict, lenient, err)
		}
		again, err := json.Marshal(strict)
		if err != nil {
			t.Fatalf("law: what is accepted can be written; %q gave %v", text, err)
		}
		var twice body
		if err := web.Decode(again, &twice, false); err != nil || !reflect.DeepEqual(strict, twice) {
			t.Fatalf("law: what is written again reads as the same; %q gave %+v, then %s, then %+v (%v)", text, strict, again, twice, err)
		}
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(text, &keys); err != nil {
			t.Fatalf("law: what is accepted is JSON to others too; %q is not: %v", text, err)
		}
		for key := range keys {
			if !strings.Contains(" text size flag many named below any ", " "+key+" ") {
				t.Fatalf("law: no key is accepted that is not known; %q has %q", text, key)
			}
		}
		refused := func(what string, text []byte, lenientToo bool) {
			t.Helper()
			var into body
			if err := web.Decode(text, &into, false); !core.Is(err, core.CodeInvalid) {
				t.Fatalf("law: %s is refused; %q gave %v", what, text, err)
			}
			if err := web.Decode(text, &into, true); lenientToo != core.Is(err, core.CodeInvalid) {
				t.Fatalf("law: whoever is lenient is so with unknown keys alone; %s, %q, gave %v", what, text, err)
			}
		}
		for _, tail := range []string{"x", "{}", ",", "\x00", "null"} {
			refused("what stands behind the value", append(bytes.Clone(text), tail...), true)
		}
		open := bytes.IndexByte(text, '{')
		if len(keys) == 0 || open < 0 {
			return
		}
		put := func(key, value string) []byte {
			return append(append(bytes.Clone(text[:open+1]), `"`+key+`":`+value+`,`...), text[open+1:]...)
		}
		refused("an unknown key", put("no such key", "{}"), false)
		for key, value := range keys {
			name, err := json.Marshal(key)
			if err != nil {
				t.Fatal(err)
			}
			refused("a key that stands there twice", put(strings.Trim(string(name), `"`), string(value)), true)
			refused("a key in capitals", put(strings.ToUpper(key), string(value)), false)
		}
	})
}

// problemsOf are the fields of an error.
func problemsOf(err error) []core.Problem {
	refused, ok := errors.AsType[*core.Error](err)
	if !ok {
		return nil
	}
	return refused.Fields
}
