package compat_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// logouts is an application's address for logouts until the end of the test. It
// takes what is posted, and shows it to the suite that asks.
func logouts(t *testing.T) (url string) {
	t.Helper()
	var mu sync.Mutex
	tokens := []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost {
			tokens = append(tokens, r.PostFormValue("logout_token"))
			return
		}
		if err := json.NewEncoder(w).Encode(tokens); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
