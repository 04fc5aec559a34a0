package authn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// maxAnswer is the most that is read of an answer, in bytes.
const maxAnswer = 32 << 20

// transport is what all services share.
type transport struct {
	base     *url.URL
	token    string
	http     *http.Client
	agent    string
	retries  int
	patience time.Duration
}

// post calls a method of the API. out is where the result goes; with nil the
// method has none.
func (t *transport) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("authn: cannot write the request for %s: %w", path, err)
	}
	a, err := t.try(ctx, http.MethodPost, path, body)
	if err == nil && a.code == http.StatusAccepted {
		a, err = t.wait(ctx, a)
	}
	if err != nil {
		return err
	}
	return a.into(out)
}

// answer is one response, read to its end.
type answer struct {
	code       int
	requestID  string // of the header
	retryAfter time.Duration
	body       []byte
}

// send makes one request and reads its answer.
func (t *transport) send(ctx context.Context, method, path string, body []byte, failed []string) (answer, error) {
	return t.exchange(ctx, t.http, method, path, "application/json", bytes.NewReader(body), failed)
}

// stream sends a body that is read once, and so is not tried again. How long it
// takes is for ctx to say.
func (t *transport) stream(ctx context.Context, path, media string, body io.Reader) (answer, error) {
	patient := *t.http
	patient.Timeout = 0
	return t.exchange(ctx, &patient, http.MethodPost, path, media, body, nil)
}

func (t *transport) exchange(ctx context.Context, client *http.Client, method, path, media string, body io.Reader, failed []string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, t.base.JoinPath(path).String(), body)
	if err != nil {
		return answer{}, fmt.Errorf("authn: cannot make the request for %s: %w", path, err)
	}
	r.Header.Set("Authorization", "Bearer "+t.token)
	r.Header.Set("Content-Type", media)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", t.agent)
	if len(failed) > 0 {
		r.Header.Set("X-Pangea-Retried-Request-Ids", strings.Join(failed, ","))
	}
	if address, ok := ctx.Value(endUser{}).(netip.Addr); ok && address.IsValid() {
		r.Header.Set("X-End-User-Address", address.String())
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, fmt.Errorf("authn: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return answer{}, fmt.Errorf("authn: the answer of %s broke off: %w", path, err)
	}
	return answer{
		code: response.StatusCode, requestID: response.Header.Get("X-Request-Id"),
		retryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now()), body: text,
	}, nil
}

// envelope is around every answer of the API.
type envelope struct {
	RequestID string          `json:"request_id"`
	Status    Status          `json:"status"`
	Summary   string          `json:"summary"`
	Result    json.RawMessage `json:"result"`
}

// into takes the result out of a success. Anything else is an *Error.
func (a answer) into(out any) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	if a.code != http.StatusOK || e.Status != StatusSuccess {
		return a.refusal(e)
	}
	if out == nil {
		return nil
	}
	if !isObject(e.Result) {
		return a.unreadable("a success has no result", nil)
	}
	if err := json.Unmarshal(e.Result, out); err != nil {
		return a.unreadable("the result is not what was asked for", err)
	}
	return nil
}

// open reads the envelope.
func (a answer) open() (envelope, error) {
	var e envelope
	if len(a.body) > maxAnswer {
		return e, a.unreadable("the answer is longer than 32 MiB", nil)
	}
	if err := json.Unmarshal(a.body, &e); err != nil {
		return e, a.unreadable("the answer is not one of this API", err)
	}
	if e.Status == "" || (a.code != http.StatusOK && e.Status == StatusSuccess) {
		return e, a.unreadable("the answer is not one of this API", nil)
	}
	return e, nil
}

// refusal is the error of an answer that is no success.
func (a answer) refusal(e envelope) *Error {
	refused := &Error{Status: e.Status, Summary: e.Summary, RequestID: e.RequestID, HTTPStatus: a.code, RetryAfter: a.retryAfter}
	var result struct {
		Errors          []Problem `json:"errors"`
		CorrectProvider string    `json:"correct_provider"`
		Email           string    `json:"email"`
		IncorrectEmail  string    `json:"incorrect_email"`
	}
	// A result of another shape says nothing about fields.
	if err := json.Unmarshal(e.Result, &result); err == nil {
		refused.Problems, refused.CorrectProvider, refused.Email, refused.IncorrectEmail = result.Errors, result.CorrectProvider, result.Email, result.IncorrectEmail
	}
	return refused
}

func (a answer) unreadable(what string, cause error) *Error {
	return &Error{
		Status: StatusUnreadable, Summary: what, RequestID: a.requestID, HTTPStatus: a.code, RetryAfter: a.retryAfter, cause: cause,
	}
}

// failure is the error of an answer that may not be a success.
func (a answer) failure() error {
	e, err := a.open()
	if err != nil {
		return err
	}
	return a.refusal(e)
}

func isObject(raw json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
}

// sleep waits, or returns why it did not wait to the end.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cutShort is the error of a wait that ctx ended: both the end of ctx and what
// was waited for can be found in it.
func cutShort(ended error, a answer) error {
	return fmt.Errorf("authn: the context ended while waiting: %w", errors.Join(ended, a.failure()))
}
