package pangea_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// part is one part of a multipart body.
type part struct {
	disposition string // behind form-data;
	body        string
}

// form makes a multipart body.
func form(t testing.TB, parts []part) (media string, body []byte) {
	t.Helper()
	var buffer bytes.Buffer
	w := multipart.NewWriter(&buffer)
	for _, p := range parts {
		header := textproto.MIMEHeader{"Content-Disposition": {"form-data; " + p.disposition}}
		into, err := w.CreatePart(header)
		if err == nil {
			_, err = into.Write([]byte(p.body))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), buffer.Bytes()
}

// importing lets the server work on its imports until the test ends.
func (s *server) importing(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Imports.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
}

func (s *server) upload(t *testing.T, parts ...part) answer {
	t.Helper()
	media, body := form(t, parts)
	return s.call(t, http.MethodPost, "/v2/users/sources/upload", s.service, media, body)
}

const (
	uploadRequest = `{"transfer_method":"multipart","file_type":"csv"}`
	people        = "email,first_name\nana@example.org,Ana\nbob@example.org,Bob\n"
)

// TestUploadsAsSDKsSendThem has the parts as the three SDKs write them, in
// either order.
func TestUploadsAsSDKsSendThem(t *testing.T) {
	s := newServer(t, storetest.New(t), nil)
	for name, parts := range map[string][]part{
		"Python": {{`name="request"`, uploadRequest}, {`name="upload"; filename="people.csv"`, people}},
		"Node":   {{`name="request"; filename="blob"`, uploadRequest}, {`name="upload"; filename="people.csv"`, people}},
		"Go":     {{`name=request;`, uploadRequest}, {`name="people.csv"; filename="people.csv"`, people}},
		"curl":   {{`name="upload"; filename="people.csv"`, people}, {`name="request"`, uploadRequest}},
	} {
		if a := s.upload(t, parts...); a.status != http.StatusOK || !strings.HasPrefix(a.field(t, "object", "id"), "pus_") || a.field(t, "object", "source_fields", "1", "source_field_name") != "first_name" {
			t.Errorf("law: an upload as the %s SDK sends it is taken; it is answered %s", name, a.body)
		}
	}
}

// TestUploadsThatAreRefused leaves nothing of a file that is refused.
func TestUploadsThatAreRefused(t *testing.T) {
	database := storetest.SQLite(t)
	s := newServer(t, storetest.Open(t, database), nil)
	request, file := part{`name="request"`, uploadRequest}, part{`name="upload"; filename="x"`, people}
	for name, c := range map[string]struct {
		parts []part
		want  string
	}{
		"no file":             {[]part{request}, "FieldRequired /upload"},
		"no request":          {[]part{file}, "FieldRequired /request"},
		"two files":           {[]part{request, file, file}, "MutuallyExclusive /upload"},
		"two requests":        {[]part{request, file, request}, "MutuallyExclusive /request"},
		"another type":        {[]part{file, {`name="request"`, `{"transfer_method":"multipart","file_type":"xlsx"}`}}, "NotEnumMember /request/file_type"},
		"another way":         {[]part{file, {`name="request"`, `{"transfer_method":"post-url","file_type":"csv"}`}}, "NotEnumMember /request/transfer_method"},
		"an empty request":    {[]part{file, {`name="request"`, `{}`}}, "FieldRequired /request/transfer_method, FieldRequired /request/file_type"},
		"more in the request": {[]part{file, {`name="request"`, `{"transfer_method":"multipart","file_type":"csv","x":1}`}}, "UnexpectedProperty /x"},
		"no table":            {[]part{request, {`name="upload"`, "email,email\n"}}, ""},
	} {
		if a := s.upload(t, c.parts...); a.status != http.StatusBadRequest || a.errors() != c.want {
			t.Errorf("law: an upload that is none is refused with the place; %s is answered %d %s", name, a.status, a.body)
		}
	}
	for name, c := range map[string]struct {
		media  string
		body   string
		status int
	}{
		"JSON":          {"application/json", `{}`, 415},
		"no boundary":   {"multipart/form-data", "x", 400},
		"another media": {"multipart/mixed; boundary=x", "--x--", 400},
		"no parts":      {"multipart/form-data; boundary=x", "hello", 400},
		"cut off":       {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=upload\r\n\r\nemail\na@b", 400},
	} {
		if a := s.call(t, http.MethodPost, "/v2/users/sources/upload", s.service, c.media, []byte(c.body)); a.status != c.status {
			t.Errorf("law: a body that is no upload is refused; %s is answered %d %s", name, a.status, a.body)
		}
	}
	if _, err := s.Store.Across().Sweep(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	rows := storetest.Dump(t, storetest.Raw(t, database), s.app.Pool)
	if len(rows["import_sources"])+len(rows["import_chunks"]) > 0 {
		t.Errorf("law: an upload that was refused leaves nothing; there are %v and %d pieces", rows["import_sources"], len(rows["import_chunks"]))
	}
}

// TestImportsThatTakeLong are answered with where to ask for the outcome.
func TestImportsThatTakeLong(t *testing.T) {
	s := newServer(t, storetest.New(t), nil) // nobody works on imports
	id := s.upload(t, part{`name="request"`, uploadRequest}, part{`name="upload"`, people}).field(t, "object", "id")
	body := fmt.Sprintf(`{"name":"spring","source_id":%q,"field_mappings":[{"source_field":{"source_field_name":"email","source_field_type":"string"},"pangea_field":{"pangea_field_name":"email","pangea_field_type":"email"}}]}`, id)
	begun := s.post(t, "/v2/users/import", body)
	var location struct {
		TTL      int `json:"ttl_mins"`
		Retries  int `json:"retry_counter"`
		Location string
	}
	if err := json.Unmarshal(begun.Result, &location); err != nil || begun.status != http.StatusAccepted || begun.Status != "Accepted" || location.TTL < 60 {
		t.Fatalf("law: what takes long is accepted; it is answered %d %s", begun.status, begun.body)
	}
	_, path, _ := strings.Cut(location.Location, "/request/")
	poll := func(token string) answer { return s.call(t, http.MethodGet, "/request/"+path, token, "", nil) }
	for _, a := range []answer{begun, poll(s.service), poll(s.service)} {
		if a.status != http.StatusAccepted || a.Status != "Accepted" || a.header.Get("X-Request-Id") != path || !strings.Contains(string(a.body), `"request_id":"`+path+`"`) {
			t.Errorf("law: as long as it takes, a poll is answered so, under the id of the request; it is answered %d %s", a.status, a.body)
		}
	}
	for name, c := range map[string]struct {
		token  string
		status int
	}{"another key": {s.key(t, s.app, core.KeyService), 403}, "a client's": {s.client, 403}, "another pool's": {s.other, 404}} {
		if a := poll(c.token); a.status != c.status {
			t.Errorf("law: who asked may poll, nobody else; %s is answered %d %s", name, a.status, a.body)
		}
	}
	s.importing(t)
	var a answer
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if a = poll(s.service); a.status != http.StatusAccepted {
			break
		}
	}
	var envelope struct {
		Request string `json:"request_id"`
	}
	if err := json.Unmarshal(a.body, &envelope); err != nil || a.status != http.StatusOK || envelope.Request != path || a.header.Get("X-Request-Id") != path || a.Sum != "Users imported" || a.field(t, "status") != "success" {
		t.Errorf("law: a poll is answered in the end as the request would have been; it is answered %d %s", a.status, a.body)
	}
	if err := s.Store.As(s.app).View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.UserByEmail("bob@example.org")
		return err
	}); err != nil {
		t.Errorf("law: who was imported is there; got %v", err)
	}
}

// endless is the rest of a file, and never ends.
type endless struct{ told *atomic.Int64 }

// Read implements [io.Reader].
func (e endless) Read(p []byte) (int, error) {
	e.told.Add(int64(len(p)))
	return copy(p, bytes.Repeat([]byte("x"), len(p))), nil
}

// TestX18UploadsEndEarly sends a line without an end, which is refused while it
// is still being sent.
func TestX18UploadsEndEarly(t *testing.T) {
	s := newServer(t, storetest.New(t), nil)
	var sent atomic.Int64
	begin := "--x\r\nContent-Disposition: form-data; name=request\r\n\r\n" + uploadRequest + "\r\n--x\r\nContent-Disposition: form-data; name=upload\r\n\r\nemail\na@example.org\n"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v2/users/sources/upload", io.MultiReader(strings.NewReader(begin), endless{&sent}))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Header.Set("Authorization", "Bearer "+s.service)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("law: a client that goes on sending hears that it is refused; it hears %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "Row 2: The row is longer than 64 KiB.") {
		t.Errorf("law: a line without an end is refused with its place; it is answered %d %s (%v)", response.StatusCode, body, err)
	}
	if sent.Load() > 64<<20 {
		t.Errorf("law: what is refused is not read; %d MiB were sent", sent.Load()>>20)
	}
}
