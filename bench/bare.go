package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// checkRequest and checkAnswer are a token check on the wire.
type checkRequest struct {
	Token string `json:"token"`
}

type checkAnswer struct {
	RequestID    string      `json:"request_id"`
	RequestTime  string      `json:"request_time"`
	ResponseTime string      `json:"response_time"`
	Status       string      `json:"status"`
	Summary      string      `json:"summary"`
	Result       checkResult `json:"result"`
}

type checkResult struct {
	ID        string            `json:"id"`
	Type      string            `json:"type"`
	Life      int64             `json:"life"`
	Expire    string            `json:"expire"`
	Enabled   bool              `json:"enabled"`
	Identity  string            `json:"identity"`
	Email     string            `json:"email"`
	Owner     string            `json:"owner"`
	Scopes    []string          `json:"scopes"`
	Profile   map[string]string `json:"profile"`
	CreatedAt string            `json:"created_at"`
}

// bare serves what is compared with: net/http and encoding/json, which decode
// and encode the JSON of a token check and do nothing else.
func bare(listen string) error {
	server := &http.Server{Addr: listen, ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in checkRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		err := json.NewEncoder(w).Encode(checkAnswer{
			"prq_ujzdegxdncf32epf3dhodzdocis2jhtl", "2026-03-02T10:15:30.104233Z", "2026-03-02T10:15:30.121907Z", "Success", "Token checked",
			checkResult{
				"pmt_k4zri3r2wyojfljooa7lqsaj2xuid5zz", "user", 172800, "2026-03-04T10:15:30.119001Z", true, "pui_euvw75efr6edt4sywb5wkh7dnsipzz7f",
				"user1@example.org", in.Token, []string{}, map[string]string{"first_name": "Joe", "last_name": "User"}, "2026-03-02T10:15:30.120444Z",
			},
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})}
	return server.ListenAndServe()
}

func measureBare(ctx context.Context, requests int) (row, error) {
	listen, err := freeAddress()
	if err != nil {
		return row{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return row{}, err
	}
	process := exec.CommandContext(ctx, self, "bare", listen)
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		return row{}, err
	}
	defer stop(process)
	check := request{path: "/", body: always(`{"token":"ptu_zzg6zdmen4khvdgajgxbenyjqwx6hh75"}`)}
	if err := ready(ctx, "http://"+listen, check); err != nil {
		return row{}, err
	}
	r, err := measure(ctx, []int{process.Process.Pid}, 32, requests, "http://"+listen, check)
	r.what, r.engine, r.ratio = "bare handler: decode and encode the JSON of a token check", "-", "1.00x"
	return r, err
}

// measureHash computes password hashes of the default cost, as a server does,
// and returns what one takes.
func measureHash(ctx context.Context) (row, error) {
	const hashes = 50
	key := make([]byte, 32)
	hasher := secret.NewHasher(secret.DefaultCost(), secret.NewPeppers(secret.Pepper{Key: key, ID: "bench"}))
	slot, err := hasher.Acquire(ctx)
	if err != nil {
		return row{}, err
	}
	defer slot.Release()
	before, err := cpu(os.Getpid())
	if err != nil {
		return row{}, err
	}
	started := time.Now()
	for i := range hashes {
		slot.Hash(secret.Text(fmt.Sprint(password, i)))
	}
	took := time.Since(started)
	after, err := cpu(os.Getpid())
	return row{what: "one password hash of the default cost", engine: "-", perSecond: hashes / took.Seconds(), cpu: (after - before) / hashes}, err
}
