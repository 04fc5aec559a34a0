package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/web"
)

func TestEvenAnswersTakeTheSameTime(t *testing.T) {
	for _, work := range []time.Duration{0, 3 * time.Millisecond, 99 * time.Millisecond, 250 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			face := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w = web.Evenly(w, r.Context(), 100*time.Millisecond)
				time.Sleep(work)
				w.WriteHeader(http.StatusTeapot)
				if _, err := w.Write([]byte("short and stout")); err != nil {
					t.Error(err)
				}
			})
			started, answer := time.Now(), httptest.NewRecorder()
			web.NewServer(face, nil, slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
			want := max(work, 100*time.Millisecond)
			if took := time.Since(started); took != want || answer.Code != http.StatusTeapot || answer.Body.String() != "short and stout" {
				t.Errorf("law: an even answer takes as long as every other; after %s of work it came with %d after %s, want %s", work, answer.Code, took, want)
			}
		})
	}
}

func TestEvenEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		started := time.Now()
		web.Even(ctx, time.Hour)
		if took := time.Since(started); took != time.Millisecond {
			t.Errorf("law: whoever has gone is not waited for; it took %s", took)
		}
	})
}
