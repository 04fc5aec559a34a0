package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// bringOver uploads a file of people with bcrypt hashes and imports it, while
// tokens are checked at a steady pace, which is far below what a server can do.
func (b *bench) bringOver(ctx context.Context) error {
	token, err := b.signUp(ctx, "beside@example.org")
	if err != nil {
		return err
	}
	check := request{path: "/v2/client/token/check", token: b.token, body: always(fmt.Sprintf(`{"token":%q}`, token))}
	idle, err := b.paced(ctx, check, 10*time.Second)
	if err != nil {
		return err
	}

	during, stopPacing := context.WithCancel(ctx)
	defer stopPacing()
	var beside pace
	var failed error
	var pacing sync.WaitGroup
	pacing.Go(func() { beside, failed = b.paced(during, check, 0) })
	peak := b.watch(during)

	before, err := used(b.pids)
	if err != nil {
		return err
	}
	began := time.Now()
	source, err := b.uploadPeople(ctx, b.imports)
	if err != nil {
		return err
	}
	uploaded := time.Since(began)
	successful, err := b.importPeople(ctx, source)
	if err != nil {
		return err
	}
	took := time.Since(began)
	after, err := used(b.pids)
	if err != nil {
		return err
	}
	each := (after - before) / time.Duration(b.imports)
	stopPacing()
	pacing.Wait()
	if failed != nil {
		return failed
	}
	if successful != b.imports {
		return fmt.Errorf("of %d people %d were imported", b.imports, successful)
	}
	what := fmt.Sprintf("import %d people with bcrypt hashes", b.imports)
	b.rows = append(b.rows,
		row{what: what + ", upload included", engine: b.engine, instead: fmt.Sprintf("%.1f s (%.1f s upload), %.0f/s, CPU %s each", took.Seconds(), uploaded.Seconds(), float64(b.imports)/took.Seconds(), each.Round(100*time.Nanosecond)), aim: "180 s for 1,000,000"},
		row{what: "resident memory at its peak meanwhile", engine: b.engine, instead: fmt.Sprintf("%d MB", <-peak>>20), aim: "200 MB"},
		row{what: fmt.Sprintf("token checks, %d a second: idle", pacedPerSecond), engine: b.engine, instead: idle.String()},
		row{what: "the same while people are imported", engine: b.engine, instead: beside.String(), aim: "their pace"},
	)
	return nil
}

// pace is how long requests took that were sent at a steady pace.
type pace struct {
	middle, slow time.Duration // half, and 99 of 100, took no longer
	n            int
}

// String writes the times for the table.
func (p pace) String() string {
	return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms of %d", p.middle.Seconds()*1000, p.slow.Seconds()*1000, p.n)
}

const pacedPerSecond = 200

// paced sends a request at a steady pace for a time, or until ctx ends if that
// is 0. Each is measured from when it was due, so that one that is slow cannot
// hide those behind it.
func (b *bench) paced(ctx context.Context, r request, d time.Duration) (pace, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 64, MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var times []time.Duration
	var failed error
	var under sync.WaitGroup
	tick := time.NewTicker(time.Second / pacedPerSecond)
	defer tick.Stop()
	for began := time.Now(); d == 0 || time.Since(began) < d; {
		select {
		case <-ctx.Done():
			d = 1 // over
			continue
		case <-tick.C:
		}
		due := time.Now()
		under.Go(func() {
			_, err := r.send(context.WithoutCancel(ctx), client, b.url, 0)
			mu.Lock()
			defer mu.Unlock()
			times, failed = append(times, time.Since(due)), errors.Join(failed, err)
		})
	}
	under.Wait()
	if failed != nil || len(times) == 0 {
		return pace{}, errors.Join(failed, errors.New("too little was measured"))
	}
	slices.Sort(times)
	return pace{times[len(times)/2], times[len(times)*99/100], len(times)}, nil
}

// watch looks at the server's memory until ctx ends, and then says how much it
// was at most.
func (b *bench) watch(ctx context.Context) <-chan int64 {
	peak := make(chan int64, 1)
	go func() {
		var most int64
		for {
			if now, err := resident(b.process.Process.Pid); err == nil {
				most = max(most, now)
			}
			select {
			case <-ctx.Done():
				peak <- most
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return peak
}

// peopleFile is a file of so many people, in no order of their addresses.
func peopleFile(n int) io.Reader {
	read, write := io.Pipe()
	go func() {
		var batch strings.Builder
		batch.WriteString("email,first_name,last_name,hash\n")
		for i := range n {
			h := fnv.New32a()
			fmt.Fprint(h, i)
			// Each hash is another one. That it fits no password does not matter.
			fmt.Fprintf(&batch, "%08x.%d@example.org,Joe,User,$2b$10$.yDGU4NRR0IyPdsqyrO0VuEQHcSFBHYbUyAVWOp2Fv%010dW\n", h.Sum32(), i, i)
			if batch.Len() > 1<<16 {
				if _, err := io.WriteString(write, batch.String()); err != nil {
					return // nobody reads any more
				}
				batch.Reset()
			}
		}
		_, err := io.WriteString(write, batch.String())
		_ = write.CloseWithError(err) // it never fails
	}()
	return read
}

func (b *bench) uploadPeople(ctx context.Context, n int) (source string, err error) {
	const begin = "--bench\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"transfer_method\":\"multipart\",\"file_type\":\"csv\"}\r\n" +
		"--bench\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"people.csv\"\r\n\r\n"
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/v2/users/sources/upload", io.MultiReader(strings.NewReader(begin), peopleFile(n), strings.NewReader("\r\n--bench--\r\n")))
	if err != nil {
		return "", err
	}
	q.Header.Set("Content-Type", "multipart/form-data; boundary=bench")
	q.Header.Set("Authorization", "Bearer "+b.token)
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		Summary string
		Result  struct{ Object struct{ ID string } }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Result.Object.ID == "" {
		return "", fmt.Errorf("%w: the upload: %s (%w)", errRefused, answer.Summary, err)
	}
	return answer.Result.Object.ID, nil
}

// importPeople imports an uploaded file and waits for the end.
func (b *bench) importPeople(ctx context.Context, source string) (successful int, err error) {
	var mappings []any
	for column, field := range map[string]string{"email": "email", "first_name": "first_name", "last_name": "last_name", "hash": "password_hash"} {
		target := map[string]any{"pangea_field_name": field, "pangea_field_type": "string", "is_profile_field": strings.HasSuffix(field, "_name")}
		if field == "password_hash" {
			target["password_hash_params"] = map[string]any{"algorithm": "BCRYPT"}
		}
		mappings = append(mappings, map[string]any{"source_field": map[string]any{"source_field_name": column, "source_field_type": "string"}, "pangea_field": target})
	}
	// A large one is still under way when this is answered, which send takes for
	// a refusal.
	if _, err := b.call(ctx, "/v2/users/import", map[string]any{"name": "bench", "source_id": source, "field_mappings": mappings}); err != nil && !strings.Contains(err.Error(), "Accepted") {
		return 0, err
	}
	for {
		text, err := (request{path: "/v2/users/import/list", token: b.token, body: always(`{"order":"desc","size":1}`)}).send(ctx, http.DefaultClient, b.url, 0)
		if err != nil {
			return 0, err
		}
		var answer struct {
			Result struct {
				Imports []struct {
					Status  string
					Summary struct{ Successful int }
				} `json:"user_imports"`
			}
		}
		if err := json.Unmarshal(text, &answer); err != nil || len(answer.Result.Imports) != 1 {
			return 0, fmt.Errorf("%w: the list of imports: %s (%w)", errRefused, text, err)
		}
		if i := answer.Result.Imports[0]; i.Status != "pending" {
			return i.Summary.Successful, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}
