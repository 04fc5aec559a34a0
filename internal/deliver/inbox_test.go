package deliver_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/deliver"
)

func TestInboxListsNewestFirstByAddress(t *testing.T) {
	b := deliver.NewInbox()
	for i, to := range []string{"ana@example.org", "bob@example.org", "Ana@Example.org"} {
		m := aMail(to)
		m.Subject = fmt.Sprint(i)
		if err := b.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for to, want := range map[string]string{"": "210", "ana@example.org": "20", "BOB@example.org": "1", "eve@example.org": ""} {
		got := ""
		for _, caught := range b.List(to) {
			got += caught.Subject
		}
		if got != want {
			t.Errorf("list of %q: got %s, want %s", to, got, want)
		}
	}
}

func TestInboxKeepsTheNewest500(t *testing.T) {
	b := deliver.NewInbox()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 130 {
				if err := b.Send(t.Context(), aMail("early@example.org")); err != nil {
					t.Error(err)
				}
				b.List("early@example.org")
			}
		})
	}
	all.Wait()
	if err := b.Send(t.Context(), aMail("last@example.org")); err != nil {
		t.Fatal(err)
	}
	if list := b.List(""); len(list) != 500 || list[0].To != "last@example.org" {
		t.Errorf("%d mails, the newest to %s", len(list), list[0].To)
	}
}

func TestInboxFindsLinksAndCodes(t *testing.T) {
	for _, c := range []struct {
		text         string
		links, codes []string
	}{
		{"", nil, nil},
		{"Open https://a.example/x?y=1&z=2.\nOr (http://b.example/), or <https://c.example/d>!", []string{"https://a.example/x?y=1&z=2", "http://b.example/", "https://c.example/d"}, nil},
		{"ftp://a.example and mailto:ana@example.org", nil, nil},
		{"Your code: 123456. Not 1234567, 12345, a123456, 123456b or 12345６, but 000000,654321", nil, []string{"123456", "000000", "654321"}},
		{"https://a.example/123456?code=654321 111111", []string{"https://a.example/123456?code=654321"}, []string{"111111"}},
	} {
		b := deliver.NewInbox()
		m := aMail("ana@example.org")
		m.Text, m.HTML = c.text, "https://in.html.example 999999"
		if err := b.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got := b.List("")[0]
		if !slices.Equal(got.Links, c.links) || !slices.Equal(got.Codes, c.codes) {
			t.Errorf("%q: links %q, codes %q", c.text, got.Links, got.Codes)
		}
	}
}

func TestInboxSpeaksJSON(t *testing.T) {
	b := deliver.NewInbox()
	if raw, err := json.Marshal(b.List("")); err != nil || string(raw) != "[]" {
		t.Errorf("an empty inbox: %s, %v", raw, err)
	}
	m := aMail("ana@example.org")
	m.Text = "nothing"
	if err := b.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(b.List("")[0])
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	if strings.Join(names, " ") != "at codes html links subject text to" || string(fields["links"]) != "[]" || string(fields["codes"]) != "[]" {
		t.Errorf("got %s", raw)
	}
}
