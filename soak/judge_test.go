package main

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A leak is found, and a heap that goes up and down is none.
func TestR18JudgeTellsALeakFromNoise(t *testing.T) {
	for _, c := range []struct {
		name    string
		length  time.Duration
		perHour float64 // MB
		files   int     // more at the end
		fault   string
	}{
		{"an hour, nothing grows", time.Hour, 0, 0, ""},
		{"an hour, memory grows", time.Hour, 60, 0, "memory grows"},
		{"an hour, files grow", time.Hour, 0, 300, "files grow"},
		{"five minutes, nothing grows", 5 * time.Minute, 0, 0, ""},
		{"five minutes, memory grows", 5 * time.Minute, 1000, 0, "memory grows"},
		{"five minutes, a heap settles", 5 * time.Minute, 30, 0, ""},
	} {
		noise := rand.New(rand.NewPCG(1, 2))
		var all []sample
		const n = 60
		for i := range n {
			s := sample{at: c.length * time.Duration(i) / n, p99: time.Millisecond}
			s.files, s.threads = 30+c.files*i/n, 12
			s.resident = int64((200 + c.perHour*s.at.Hours() + 20*noise.Float64()) * (1 << 20))
			all = append(all, s)
		}
		err := judge(all)
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("law: %s: want %q, got %v", c.name, c.fault, err)
		}
	}
	if err := judge(make([]sample, 5)); err == nil {
		t.Error("law: too few samples say nothing")
	}
}
