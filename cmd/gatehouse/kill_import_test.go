package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// peopleFile has so many people, of whom each hundredth is there twice.
func peopleFile(n int) []byte {
	var file bytes.Buffer
	file.WriteString("email\n")
	for i := range n {
		fmt.Fprintf(&file, "person%d@example.org\n", i)
		if i%100 == 0 {
			fmt.Fprintf(&file, "PERSON%d@example.org\n", i)
		}
	}
	return file.Bytes()
}

// upload uploads a file and returns its id.
func (k *killed) upload(t *testing.T, file []byte) string {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	err := w.WriteField("request", `{"transfer_method":"multipart","file_type":"csv"}`)
	if err == nil {
		var part io.Writer
		if part, err = w.CreateFormFile("upload", "people.csv"); err == nil {
			_, err = part.Write(file)
		}
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, k.url+"/v2/users/sources/upload", &body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", w.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+k.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Result struct{ Object struct{ ID string } }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Result.Object.ID == "" {
		t.Fatalf("the upload is answered %d (%v)", response.StatusCode, err)
	}
	return answer.Result.Object.ID
}

// TestKillImports kills a server in the midst of an import, and then the command
// that imports, again and again with the signal that they cannot see coming:
// each row is dealt with once.
func TestKillImports(t *testing.T) {
	const people, most = 20_000, 6 // kills of each
	binary := buildServer(t)
	storetest.Engines(t, func(t *testing.T, database string) {
		k := newKilled(t, binary, database)
		raw := storetest.Raw(t, database)
		// Whoever was killed has the import for some seconds more, for which a test
		// need not wait.
		free := func() {
			if _, err := raw.ExecContext(t.Context(), `UPDATE user_imports SET leased_until = 0`); err != nil {
				t.Fatal(err)
			}
		}
		state := func() (status string, done int64) {
			err := raw.QueryRowContext(t.Context(), `SELECT status, successful + failed + skipped FROM user_imports ORDER BY created_at DESC LIMIT 1`).Scan(&status, &done)
			if err != nil {
				t.Fatal(err)
			}
			return status, done
		}
		right := func(what string, kills int, people int64) {
			var successful, skipped, there int64
			err := raw.QueryRowContext(t.Context(), `SELECT successful, skipped FROM user_imports ORDER BY created_at DESC LIMIT 1`).Scan(&successful, &skipped)
			if err == nil {
				err = raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM users WHERE import_id = (SELECT id FROM user_imports ORDER BY created_at DESC LIMIT 1)`).Scan(&there)
			}
			if err != nil || successful != people || there != people || skipped != people/100 {
				t.Errorf("law: %s, each row is dealt with once; %d are counted, %d are there, %d were skipped (%v)", what, successful, there, skipped, err)
			}
			t.Logf("%s: %d kills, %d people", what, kills, there)
		}

		k.start(t)
		source := k.upload(t, peopleFile(people))
		go func() {
			// It is killed before it answers.
			_, _ = k.post("/v2/users/import", map[string]any{"name": "killed", "source_id": source, "field_mappings": []any{map[string]any{
				"source_field": map[string]any{"source_field_name": "email", "source_field_type": "string"},
				"pangea_field": map[string]any{"pangea_field_name": "email", "pangea_field_type": "email"},
			}}})
		}()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			var n int
			if err := raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM user_imports`).Scan(&n); err == nil && n == 1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the import does not begin")
			}
		}
		kills := 0
		for status, done := state(); status == "pending"; status, done = state() {
			// It gets on by a step at least, then it is killed.
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
				if now, n := state(); now != "pending" || n > done {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("law: a server that is started again goes on with an import; it does not")
				}
			}
			if status, _ := state(); kills < most && status == "pending" {
				k.kill(t)
				kills++
				free()
				k.start(t)
			}
		}
		k.kill(t)
		if kills == 0 {
			t.Error("the import was over before anything was killed")
		}
		right("a server that is killed", kills, people)

		// The command, in another pool.
		path := filepath.Join(t.TempDir(), "people.csv")
		if err := os.WriteFile(path, peopleFile(people), 0o600); err != nil {
			t.Fatal(err)
		}
		command := func(args ...string) *exec.Cmd {
			cmd := exec.CommandContext(t.Context(), binary, args...)
			cmd.Env, cmd.Stderr = k.env, &k.log
			return cmd
		}
		if err := command("pool", "create", "command").Run(); err != nil {
			t.Fatalf("%v\n%s", err, &k.log)
		}
		args := []string{"user", "import", path, "--pool", "command", "--json"}
		var out []byte
		for kills = 0; ; kills++ {
			cmd := command(args...)
			var answer bytes.Buffer
			cmd.Stdout = &answer
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			killed := false
			for kills < most && !killed {
				var n int
				var done int64
				if err := raw.QueryRowContext(t.Context(), `SELECT COUNT(*), COALESCE(SUM(successful), 0) FROM user_imports WHERE source_id = ''`).Scan(&n, &done); err != nil {
					t.Fatal(err)
				}
				if n > 0 && done > int64(kills)*people/(most+2) {
					if err := cmd.Process.Kill(); err != nil && !strings.Contains(err.Error(), "finished") {
						t.Fatal(err)
					}
					killed = true
				}
				time.Sleep(2 * time.Millisecond)
			}
			err := <-ended
			if err == nil {
				out = answer.Bytes()
				break
			}
			if !killed {
				t.Fatalf("law: the command goes on with what was cut off; it ends with %v\n%s", err, &k.log)
			}
			free()
			args = []string{"user", "import", path, "--pool", "command", "--json", "--resume"}
		}
		var answer struct {
			Successful int `json:"successful"`
		}
		if err := json.Unmarshal(out, &answer); err != nil || answer.Successful != people || kills == 0 {
			t.Errorf("law: the command answers for all of the file; it answers %s behind %d kills (%v)", out, kills, err)
		}
		right("a command that is killed", kills, people)
	})
}
