package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// request is what is sent again and again.
type request struct {
	method string // empty: POST
	path   string
	token  string
	header map[string]string
	body   func(i int) []byte // of the i-th; nil: none
}

// load sends n requests over so many connections and returns how long that
// took.
func load(ctx context.Context, connections, n int, base string, r request) (time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	return together(connections, n, func(i int) error {
		_, err := r.send(ctx, client, base, i)
		return err
	})
}

// together does something n times, so many at once, until one fails.
func together(workers, n int, do func(i int) error) (time.Duration, error) {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var running sync.WaitGroup
	started := time.Now()
	for range workers {
		running.Go(func() {
			for {
				i := int(next.Add(1))
				if i > n || failed.Load() != nil {
					return
				}
				if err := do(i); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	running.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return time.Since(started), nil
}

// send sends the i-th request and returns the body of a successful answer.
func (r request) send(ctx context.Context, client *http.Client, base string, i int) ([]byte, error) {
	method, body := r.method, io.Reader(nil)
	if method == "" {
		method = http.MethodPost
	}
	if r.body != nil {
		body = bytes.NewReader(r.body(i))
	}
	q, err := http.NewRequestWithContext(ctx, method, base+r.path, body)
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		q.Header.Set("Authorization", "Bearer "+r.token)
	}
	for name, value := range r.header {
		q.Header.Set(name, value)
	}
	response, err := client.Do(q)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s %d %s", errRefused, r.path, response.StatusCode, text)
	}
	return text, nil
}

// always sends the same body.
func always(body string) func(int) []byte { return func(int) []byte { return []byte(body) } }
