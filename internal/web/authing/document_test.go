package authing

import (
	"fmt"
	"sync"
	"testing"
)

// A document is read and checked once, however many ask for it at a time.
func TestDocumentsAreRemembered(t *testing.T) {
	d := newDocuments(readSchema())
	ask := func(text string) bool {
		doc, err := d.read(text)
		if err != nil {
			t.Error(err)
			return false
		}
		if err := d.check(doc); err != nil {
			t.Error(err)
		}
		return doc.checked
	}
	const text = `query($t: String){checkLoginStatus(token:$t){code}}`
	if ask(text) || !ask(text) {
		t.Error("law: the second time a document is remembered, and the first time it is not")
	}
	var running sync.WaitGroup
	for i := range 64 {
		running.Go(func() { ask(fmt.Sprintf("{user{%s}}", []string{"id", "email"}[i%2])) })
	}
	running.Wait()
	if !ask("{user{id}}") || !ask("{user{email}}") {
		t.Error("law: of those that many ask for at once, each is remembered")
	}
}

// What may hold a secret, or is very long, or does not fit, is not remembered;
// nor is there more of it than there is room for.
func TestDocumentsThatAreNotRemembered(t *testing.T) {
	d := newDocuments(readSchema())
	long := "{user{id}}"
	for len(long) <= maxKnownText {
		long += " "
	}
	for name, text := range map[string]string{
		"a password":        `mutation{loginByEmail(input:{email:"a@b.example",password:"secret"}){id}}`,
		"a block of text":   `{checkLoginStatus(token:"""secret"""){code}}`,
		"a long text":       long,
		"an unknown field":  `{user{nothing}}`,
		"a circle":          `{user{...A}} fragment A on User{...A}`,
		"what nests deeply": `{user{a{b{c{d{e{f{g{h{i{j{k}}}}}}}}}}}}`,
	} {
		if doc, err := d.read(text); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			_ = d.check(doc) // some of them fit
		}
	}
	if n := d.known.Len(); n > 0 {
		t.Errorf("law: none of these is remembered; %d are: %v", n, d.known.Keys())
	}
	for i := range 2 * maxKnown {
		doc, err := d.read(fmt.Sprintf("{a%d:user{id}}", i))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.check(doc); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.known.Len(); n != maxKnown {
		t.Errorf("law: %d are remembered, and no more; there are %d", maxKnown, n)
	}
}
