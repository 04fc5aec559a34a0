package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// rangesURL is where "Pwned Passwords" answers.
	rangesURL = "https://api.pwnedpasswords.com"
	// rangesTimeout is how long the service may take, from the first byte to the
	// last. A person waits for it.
	rangesTimeout = 2 * time.Second
	// rangeMost is how long an answer may be, in bytes. They have some 40,000.
	rangeMost = 1 << 20
)

// Ranges asks a service for the hashes of breached passwords that begin alike,
// as the range API of "Pwned Passwords" does.
type Ranges struct {
	client *http.Client
	base   string
	log    *slog.Logger
}

// NewRanges makes the client. base is where the service is, without a slash at
// its end; empty: at its own address.
func NewRanges(base string, log *slog.Logger) *Ranges {
	client := newClient()
	client.Timeout = rangesTimeout
	if base == "" {
		base = rangesURL
	}
	return &Ranges{client: client, base: base, log: log}
}

// Get returns the service's lines for a beginning of five hexadecimal digits,
// and nothing else of the hash leaves. The service fills its answer up, so
// that its length tells nobody either. What goes wrong is logged, without the
// digits.
func (r *Ranges) Get(ctx context.Context, prefix string) (string, error) {
	lines, err := r.get(ctx, prefix)
	if err != nil && !errors.Is(err, context.Canceled) {
		r.log.Warn("cannot ask whether a password is known from breaches", "error", err)
	}
	return lines, err
}

func (r *Ranges) get(ctx context.Context, prefix string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/range/"+prefix, nil)
	if err != nil {
		return "", errors.New("its address cannot be asked") // the error has the address in it
	}
	request.Header.Set("Add-Padding", "true")
	request.Header.Set("User-Agent", "Gatehouse")
	response, err := r.client.Do(request)
	if err != nil {
		if fault, ok := errors.AsType[*url.Error](err); ok {
			err = fault.Err // without the address, which ends in the digits
		}
		return "", fmt.Errorf("cannot reach it: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("it answered %d", response.StatusCode)
	}
	var lines strings.Builder
	n, err := io.Copy(&lines, io.LimitReader(response.Body, rangeMost+1))
	if err != nil {
		return "", fmt.Errorf("it broke off: %w", err)
	}
	if n > rangeMost {
		return "", errors.New("its answer is too long")
	}
	return lines.String(), nil
}
