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

// load sends n requests over so many connections and returns how long that
// took. body makes the i-th request's body.
func load(ctx context.Context, connections, n int, url, token string, body func(i int) []byte) (time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var running sync.WaitGroup
	started := time.Now()
	for range connections {
		running.Go(func() {
			for {
				i := int(next.Add(1))
				if i > n || failed.Load() != nil {
					return
				}
				if _, err := post(ctx, client, url, token, body(i)); err != nil {
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

// post sends one request and returns the body of a successful answer.
func post(ctx context.Context, client *http.Client, url, token string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %d %s", errRefused, response.StatusCode, text)
	}
	return text, nil
}
