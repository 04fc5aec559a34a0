package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gatehouse": main})
}

// TestScripts runs every script of testdata/script on both engines. A script
// finds the database in GATEHOUSE_DATABASE and $DATABASE; a line for one
// engine begins with [sqlite] or [postgres].
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	for engine, database := range map[string]func(*testing.T) string{
		"sqlite":   func(*testing.T) string { return "sqlite:data/gatehouse.db" },
		"postgres": storetest.Postgres,
	} {
		for _, script := range scripts {
			t.Run(engine+"/"+strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
				t.Parallel()
				address := database(t)
				testscript.Run(t, testscript.Params{
					Files: []string{script}, RequireExplicitExec: true, RequireUniqueNames: true,
					Setup: func(e *testscript.Env) error {
						e.Setenv("DATABASE", address)
						e.Setenv("GATEHOUSE_DATABASE", address)
						// The race detector lingers for a second at each exit, for
						// reports of goroutines that are still running.
						e.Setenv("GORACE", "atexit_sleep_ms=10")
						return closeKeys(e.WorkDir)
					},
					Condition: func(name string) (bool, error) {
						if name == "sqlite" || name == "postgres" {
							return name == engine, nil
						}
						return false, fmt.Errorf("there is no condition %s", name)
					},
					Cmds: commands(),
				})
			})
		}
	}
}

// closeKeys gives the keys of a script to their owner alone, as they should be.
func closeKeys(dir string) error {
	keys, err := filepath.Glob(filepath.Join(dir, "*.key"))
	for _, key := range keys {
		err = errors.Join(err, os.Chmod(key, 0o600))
	}
	return err
}

// commands is what scripts can do besides the usual.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"exits": exits, "await": await, "field": field, "call": call, "refused": refused, "fetch": fetch,
		"settles": settles, "hold": hold, "sql": statement, "sign": sign, "ended": ended,
	}
}

// statement runs a statement of SQL past the program: sql STATEMENT.
func statement(ts *testscript.TestScript, _ bool, args []string) {
	driver, database := "pgx", ts.Getenv("DATABASE")
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, database = "sqlite", "file:"+filepath.ToSlash(ts.MkAbs(path))+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, database)
	ts.Check(err)
	defer db.Close()
	result, err := db.ExecContext(context.Background(), args[0])
	ts.Check(err)
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		ts.Fatalf("%s touched no row (%v)", args[0], err)
	}
}

// patience is how long a script waits for what must come: far longer than it
// takes, so that only what never comes fails.
const patience = time.Minute

// until tries again until something is so.
func until(ts *testscript.TestScript, what string, is func() bool) {
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s: not in %s", what, patience)
		}
	}
}

// exits STATUS PROGRAM ARG... runs a program that must exit with the status.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("cannot run it: %v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("it exits with %d, not with %d", got, want)
	}
}

// await FILE waits until the file has a whole line.
func await(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, "a line in "+args[0], func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && bytes.HasSuffix(text, []byte("\n"))
	})
}

// field FILE NAME VARIABLE puts a field of the JSON object in a file (or in
// stdout) into a variable. The field must be there and not be empty.
func field(ts *testscript.TestScript, _ bool, args []string) {
	var object map[string]any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &object); err != nil {
		ts.Fatalf("%s is not one JSON object: %v", args[0], err)
	}
	value := fmt.Sprint(object[args[1]])
	if object[args[1]] == nil || value == "" {
		ts.Fatalf("%s has no %s", args[0], args[1])
	}
	ts.Setenv(args[2], value)
}

// post calls the API and returns status and body.
func post(ts *testscript.TestScript, url, token, body string) (int, string) {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	return res.StatusCode, string(text)
}

// call URL TOKEN BODY calls the API, which must answer 200 (with !: anything
// else), and prints the body.
func call(ts *testscript.TestScript, neg bool, args []string) {
	status, body := post(ts, args[0], args[1], args[2])
	_, err := fmt.Fprintln(ts.Stdout(), body)
	ts.Check(err)
	if (status == http.StatusOK) == neg {
		ts.Fatalf("the API answers %d: %s", status, body)
	}
}

// sign up|in URL TOKEN EMAIL PASSWORD goes through a flow and prints the ids and
// tokens of the session. With !, the password must be refused.
func sign(ts *testscript.TestScript, neg bool, args []string) {
	kind, url, token, email, password := "sign"+args[0], args[1], args[2], args[3], args[4]
	var begun struct {
		Result struct {
			ID string `json:"flow_id"`
		}
	}
	status, body := post(ts, url+"/v2/flow/start", token, fmt.Sprintf(`{"email":%q,"flow_types":[%q]}`, email, kind))
	if err := json.Unmarshal([]byte(body), &begun); err != nil || status != http.StatusOK {
		ts.Fatalf("the flow does not begin: %d %s", status, body)
	}
	id := begun.Result.ID
	status, body = post(ts, url+"/v2/flow/update", token, fmt.Sprintf(`{"flow_id":%q,"choice":"password","data":{"password":%q}}`, id, password))
	if (status == http.StatusOK) == neg {
		ts.Fatalf("the password is answered with %d: %s", status, body)
	}
	if neg {
		return
	}
	var done struct {
		Result struct {
			Refresh struct{ Token, ID string } `json:"refresh_token"`
			Active  struct{ Token string }     `json:"active_token"`
		}
	}
	status, body = post(ts, url+"/v2/flow/complete", token, fmt.Sprintf(`{"flow_id":%q}`, id))
	if err := json.Unmarshal([]byte(body), &done); err != nil || status != http.StatusOK {
		ts.Fatalf("the flow does not end: %d %s", status, body)
	}
	ts.Check(json.NewEncoder(ts.Stdout()).Encode(map[string]string{
		"session": done.Result.Refresh.ID, "refresh": done.Result.Refresh.Token, "token": done.Result.Active.Token,
	}))
}

// refused URL TOKEN waits until the API does not know the token any more.
func refused(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, "the token to be refused", func() bool {
		status, _ := post(ts, args[0], args[1], "{}")
		return status == http.StatusUnauthorized
	})
}

// ended URL TOKEN USERTOKEN waits until the API says that a person's token is
// none.
func ended(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, "the session to end", func() bool {
		status, body := post(ts, args[0]+"/v2/client/token/check", args[1], fmt.Sprintf(`{"token":%q}`, args[2]))
		return status != http.StatusOK && strings.Contains(body, `"InvalidToken"`)
	})
}

// settles URL STATUS waits until a page answers with the status.
func settles(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, args[0]+" to answer "+args[1], func() bool {
		res, err := http.Get(args[0])
		ts.Check(err)
		defer res.Body.Close()
		return strconv.Itoa(res.StatusCode) == args[1]
	})
}

// hold URL TOKEN begins a request to the API and does not end it before the
// script does.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	u, err := url.Parse(args[0])
	ts.Check(err)
	conn, err := net.Dial("tcp", u.Host)
	ts.Check(err)
	ts.Defer(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"+
		"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n", u.Path, args[1])
	ts.Check(err)
	// The server asks for the body, so it is in the middle of the request.
	answer := make([]byte, len("HTTP/1.1 100"))
	_, err = io.ReadFull(conn, answer)
	ts.Check(err)
	if !strings.HasSuffix(string(answer), " 100") {
		ts.Fatalf("the request is not under way: %q", answer)
	}
}

// fetch URL prints the status and the body of a page, without following
// redirects.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(args[0])
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	_, err = fmt.Fprintf(ts.Stdout(), "%d %s\n%s\n", res.StatusCode, res.Header.Get("Location"), text)
	ts.Check(err)
}
