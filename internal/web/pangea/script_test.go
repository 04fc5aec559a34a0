package pangea_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// TestScripts runs the scenarios in testdata/script: what an application sends,
// and the answers, word for word, but for ids and times.
//
//	as service|client|other|nobody   whose token the next calls bring
//	post PATH BODY                   the answer, masked, is in the file answer
//	status N                         the HTTP status of the answer
//	save NAME KEY...                 sets a variable from the result
//	upload FILE                      a file of people, to be imported
//	mail ADDRESS                     $link_code is from the newest mail to it, $ticket for an invitation, and $code its digits
//	totp NAME SECRET 0|1             sets a variable to the first or the second of a secret's codes that are good now
//	nomail                           nothing waits to be sent
//	settings KEY=JSON                changes the pool
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			s := newServer(t, storetest.New(t), nil)
			s.importing(t)
			tokens := map[string]string{"service": s.service, "client": s.client, "other": s.other, "nobody": ""}
			env.Values["script"] = &script{t: t, server: s, tokens: tokens, token: s.service}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"as":       func(ts *testscript.TestScript, _ bool, args []string) { the(ts).as(ts, args) },
			"post":     func(ts *testscript.TestScript, _ bool, args []string) { the(ts).post(ts, args) },
			"status":   func(ts *testscript.TestScript, _ bool, args []string) { the(ts).status(ts, args) },
			"upload":   func(ts *testscript.TestScript, _ bool, args []string) { the(ts).upload(ts, args) },
			"save":     func(ts *testscript.TestScript, _ bool, args []string) { the(ts).save(ts, args) },
			"nomail":   func(ts *testscript.TestScript, _ bool, _ []string) { the(ts).nomail(ts) },
			"mail":     func(ts *testscript.TestScript, _ bool, args []string) { the(ts).mail(ts, args) },
			"totp":     func(ts *testscript.TestScript, _ bool, args []string) { the(ts).totp(ts, args) },
			"settings": func(ts *testscript.TestScript, _ bool, args []string) { the(ts).settings(ts, args) },
		},
	})
}

// script is one run of a script: its server, its tokens, its newest answer.
type script struct {
	t      *testing.T
	server *server
	tokens map[string]string
	token  string
	answer answer
}

func the(ts *testscript.TestScript) *script { return ts.Value("script").(*script) }

func (r *script) as(ts *testscript.TestScript, args []string) {
	token, ok := r.tokens[args[0]]
	if !ok {
		ts.Fatalf("as service, client, other or nobody")
	}
	r.token = token
}

func (r *script) post(ts *testscript.TestScript, args []string) {
	r.answer = r.server.call(r.t, http.MethodPost, args[0], r.token, "application/json", []byte(args[1]))
	ts.Check(os.WriteFile(ts.MkAbs("answer"), masked(r.answer.body), 0o600))
}

func (r *script) upload(ts *testscript.TestScript, args []string) {
	media, body := form(r.t, []part{{`name="request"`, `{"transfer_method":"multipart","file_type":"csv"}`}, {`name="upload"; filename="people.csv"`, ts.ReadFile(args[0])}})
	r.answer = r.server.call(r.t, http.MethodPost, "/v2/users/sources/upload", r.token, media, body)
	ts.Check(os.WriteFile(ts.MkAbs("answer"), masked(r.answer.body), 0o600))
}

func (r *script) status(ts *testscript.TestScript, args []string) {
	if got := strconv.Itoa(r.answer.status); got != args[0] {
		ts.Fatalf("the status is %s, want %s: %s", got, args[0], r.answer.body)
	}
}

func (r *script) save(ts *testscript.TestScript, args []string) {
	ts.Setenv(args[0], r.answer.field(r.t, args[1:]...))
}

func (r *script) mail(ts *testscript.TestScript, args []string) {
	for _, m := range r.server.Mail(r.t) {
		if m.To == args[0] {
			ts.Setenv("link_code", "pmc_"+flowtest.LinkCode(r.t, m))
			ts.Setenv("ticket", "pmi_"+flowtest.LinkCode(r.t, m))
			ts.Setenv("mail", m.Template)
			ts.Setenv("code", m.Values["code"])
			return
		}
	}
	ts.Fatalf("no mail to %s", args[0])
}

func (r *script) totp(ts *testscript.TestScript, args []string) {
	nth, err := strconv.ParseInt(args[2], 10, 64)
	ts.Check(err)
	ts.Setenv(args[0], flowtest.TOTPCode(r.t, secret.Text(args[1]), nth))
}

func (r *script) nomail(ts *testscript.TestScript) {
	if mail := r.server.Mail(r.t); len(mail) > 0 {
		ts.Fatalf("%s waits to be sent to %s", mail[0].Template, mail[0].To)
	}
}

func (r *script) settings(ts *testscript.TestScript, args []string) {
	changes := core.Overrides{}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		changes[key] = json.RawMessage(value)
	}
	_, err := r.server.Pools.Change(r.t.Context(), r.server.app, changes)
	ts.Check(err)
}

// masks make two runs alike.
var masks = []struct {
	pattern *regexp.Regexp
	to      string
}{
	{regexp.MustCompile(`"(p[a-z]{2}_)[a-z2-7]{32}"`), `"$1..."`},
	{regexp.MustCompile(`"eyJ[\w-]+\.[\w-]+\.[\w-]+"`), `"JWT"`},
	{regexp.MustCompile(`"(kid|x|y)": "[\w-]{36,43}"`), `"$1": "..."`},
	{regexp.MustCompile(`"(20\d\d)-\d\d-\d\dT[0-9:.]+Z"`), `"TIME"`},
	{regexp.MustCompile(`"secret": "[A-Z2-7]{32}"`), `"secret": "SEED"`},
	{regexp.MustCompile(`"qr_image": "data:image/png;base64,[\w+/=]+"`), `"qr_image": "PNG"`},
	{regexp.MustCompile(`"[a-z2-7]{4}(-[a-z2-7]{4}){3}"`), `"RECOVERY"`},
	{regexp.MustCompile(`"life": \d+`), `"life": SECONDS`},
	{regexp.MustCompile(`"last": "[\w-]{20,}"`), `"last": "CURSOR"`},
	{regexp.MustCompile(`(flow|state)=(flw|pcb)_[a-z2-7]{32}`), "$1=${2}_..."},
}

func masked(body []byte) []byte {
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		return body
	}
	text := pretty.Bytes()
	for _, m := range masks {
		text = m.pattern.ReplaceAll(text, []byte(m.to))
	}
	return append(text, '\n')
}
