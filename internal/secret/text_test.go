package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

const plainWords = "correct-horse-battery"

// holder is a struct as requests and options have it.
type holder struct {
	Name     string
	Password secret.Text
	List     []secret.Text
	ByName   map[string]secret.Text
	Pointer  *secret.Text
}

type envelope struct{ Password secret.Text }

func newHolder() holder {
	t := secret.Text(plainWords)
	return holder{"ana", t, []secret.Text{t}, map[string]secret.Text{"a": t}, &t}
}

func TestTextNeverPrints(t *testing.T) {
	text := secret.Text(plainWords)
	values := map[string]any{
		"a Text": text, "a pointer": &text, "a struct": newHolder(), "a pointer to a struct": new(newHolder()),
		"a list": []secret.Text{text}, "a table": map[string]secret.Text{"k": text}, "an array": [2]secret.Text{text, text},
		"a list of anything": []any{text}, "in an error": fmt.Errorf("refused %v: %w", text, errors.New("wrong")),
	}
	for what, value := range values {
		// Not %p: fmt asks no value how to print as a pointer, and vet refuses it.
		for _, verb := range "vTsqxXdbocUeEfgGt" {
			for _, flag := range []string{"", "+", "#", "-40", "010", ".3", " "} {
				checkMasked(t, what+" by %"+flag+string(verb), fmt.Sprintf("%"+flag+string(verb), value))
			}
		}
		checkMasked(t, what+" by Sprint", fmt.Sprint(value))
		checkMasked(t, what+" by Sprintln", fmt.Sprintln(value))
	}
}

func TestTextNeverReachesAnEncoderOrLog(t *testing.T) {
	var logged bytes.Buffer
	options := &slog.HandlerOptions{Level: slog.LevelDebug}
	text := secret.Text(plainWords)
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&logged, options), slog.NewTextHandler(&logged, options)} {
		log := slog.New(handler)
		log.Info("one", "password", text, "holder", newHolder(), "pointer", &text, slog.Group("g", "inner", text))
		log.With("token", text).Error("two", "error", fmt.Errorf("no: %s", text))
	}
	checkMasked(t, "a log", logged.String())

	for what, encode := range map[string]func() ([]byte, error){
		"JSON":           func() ([]byte, error) { return json.Marshal(newHolder()) },
		"JSON of a Text": func() ([]byte, error) { return json.Marshal(text) },
		"XML":            func() ([]byte, error) { return xml.Marshal(envelope{text}) },
	} {
		encoded, err := encode()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		checkMasked(t, what, string(encoded))
		if !bytes.Contains(encoded, []byte("[secret]")) {
			t.Errorf("law: an encoder writes the mask; %s wrote %s", what, encoded)
		}
	}
	if text.Reveal() != plainWords {
		t.Errorf("law: Reveal gives the value; it gave another")
	}
}

// checkMasked looks for the value as it is, in hexadecimal, and in parts.
func checkMasked(t *testing.T, how, printed string) {
	t.Helper()
	lower := strings.ToLower(printed)
	for _, trace := range []string{plainWords, "horse", "cor", fmt.Sprintf("%x", "horse"), "99 111 114"} {
		if strings.Contains(lower, trace) {
			t.Errorf("law: a Text never prints; %s printed %q", how, printed)
			return
		}
	}
}
