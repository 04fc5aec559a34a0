package authn

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// firstWait and longestWait bound the waits between tries that the server
	// has not named itself.
	firstWait   = 500 * time.Millisecond
	longestWait = 8 * time.Second
	// longestAsked is the longest wait that a server is granted. If it asks for
	// more, its answer is returned in place of a wait.
	longestAsked = time.Minute
)

// again says whether a call with this answer is tried again.
func again(code int) bool {
	switch code {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// try sends a request until its answer is not worth another try.
func (t *transport) try(ctx context.Context, method, path string, body []byte) (answer, error) {
	var failed []string
	for n := 0; ; n++ {
		a, err := t.send(ctx, method, path, body, failed)
		if err != nil || !again(a.code) || n >= t.retries || a.retryAfter > longestAsked {
			return a, err
		}
		if isID(a.requestID) {
			failed = append(failed, a.requestID)
		}
		wait := a.retryAfter
		if wait == 0 {
			wait = backOff(n, jitter())
		}
		if err := sleep(ctx, wait); err != nil {
			return a, cutShort(err, a)
		}
	}
}

// backOff is the wait after try n, from 0, for a jitter from 0 to 1: half a
// second, doubled each time up to 8 seconds, less up to a quarter of it.
func backOff(n int, jitter float64) time.Duration {
	wait := longestWait
	if n < 5 {
		wait = min(longestWait, firstWait<<n)
	}
	return wait - time.Duration(float64(wait)*jitter/4)
}

// jitter is a random number from 0 to 1.
func jitter() float64 {
	var raw [8]byte
	// It cannot fail: see crypto/rand.Read.
	_, _ = rand.Read(raw[:])
	return float64(binary.LittleEndian.Uint64(raw[:])>>11) / (1 << 53)
}

// retryAfter reads the header of this name: seconds or a date (RFC 9110,
// section 10.2.3). It is 0 for a header that is missing, unreadable or past.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	const most = 10 * 365 * 24 * 3600
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(max(0, min(seconds, most))) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// isID says whether a text can be the id of a request, and so be sent in a
// header or a path.
func isID(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
