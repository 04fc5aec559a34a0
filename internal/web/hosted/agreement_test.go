package hosted_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
)

func (s *site) publish(kind core.AgreementKind, name, text string) core.Agreement {
	s.t.Helper()
	a, err := s.agreements.Create(s.t.Context(), s.caller(), directory.NewAgreement{Kind: kind, Name: name, Text: text, Active: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// consenting is a site whose people accept agreements of both kinds.
func consenting(t *testing.T) *site {
	t.Helper()
	return newSite(t, map[string]any{"agreements.required": core.AgreementKinds()}, nil)
}

// asked signs Ana in, as far as to where agreements are asked for.
func (s *site) asked(b *browser) shown {
	s.t.Helper()
	return b.press(b.open(start("email", "ana@example.org")), "Sign in", "password", password).shows(200, "Before you go on")
}

// tick sends the form with these boxes ticked, as a browser does: a box that is
// not, is not sent.
func (b *browser) tick(p shown, boxes ...string) shown {
	b.s.t.Helper()
	fields := url.Values{"choice": {"agreements"}}
	for _, in := range p.all("input") {
		if name := attribute(in, "name"); attribute(in, "type") == "checkbox" && slices.Contains(boxes, name) {
			fields.Set(name, attribute(in, "value"))
		}
	}
	return b.follow(b.post(p.address, fields))
}

// texts are the headings of the agreements on a page.
func texts(p shown) string {
	var list []string
	for _, h := range p.all("h2") {
		list = append(list, text(h))
	}
	return strings.Join(list, ", ")
}

func ticked(p shown) int {
	n := 0
	for _, in := range p.all("input") {
		if slices.ContainsFunc(in.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
			n++
		}
	}
	return n
}

// Agreements are shown with their texts, and are accepted one by one or all at
// once; what is not ticked is not accepted.
func TestAgreements(t *testing.T) {
	s := consenting(t)
	s.person("ana@example.org", password)
	terms := s.publish(core.AgreementTerms, "Terms of <Acme>", "# Be good\n\nOr *else*, see [here](https://acme.example/why).\n\n1. one\n2. two")
	privacy := s.publish(core.AgreementPrivacy, "Privacy", "Nothing is kept.")
	b := s.browser()
	p := s.asked(b)
	if got := texts(p); got != "Terms of <Acme>, Privacy" || ticked(p) != 0 {
		t.Fatalf("the page asks for %s, with %d ticked already", got, ticked(p))
	}
	for _, want := range []string{
		`<h3>Be good</h3>`, `<em>else</em>`, `<li>two</li>`, `<p>Nothing is kept.</p>`,
		`<a href="https://acme.example/why" rel="nofollow noreferrer noopener" target="_blank">here</a>`,
	} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page lacks %s:\n%s", want, p.body)
		}
	}
	first, second := "agreed."+string(terms.ID), "agreed."+string(privacy.ID)
	p = b.tick(p).shows(400, "Before you go on").says("Please read and tick what you agree to.")
	p = b.tick(p, second).shows(200, "Before you go on")
	if got := texts(p); got != "Terms of <Acme>" {
		t.Fatalf("after one was accepted, the page asks for %s", got)
	}
	code, _ := b.tick(p, first).arrives()
	if user := s.enters(code); user.AcceptedTerms != string(terms.ID) || user.AcceptedPrivacy != string(privacy.ID) {
		t.Errorf("accepted are %q and %q", user.AcceptedTerms, user.AcceptedPrivacy)
	}
	// Who has accepted is not asked again.
	again := s.browser()
	again.press(again.open(start("email", "ana@example.org")), "Sign in", "password", password).arrives()
}

// A person accepts the version that their page shows: not one that came while
// they were reading, whatever the form says (F27).
func TestAgreementsExchangedWhileRead(t *testing.T) {
	s := consenting(t)
	ana := s.person("ana@example.org", password)
	terms := s.publish(core.AgreementTerms, "Terms", "Be good.")
	b := s.browser()
	p := s.asked(b)
	const changed = "A text has changed meanwhile. Please read it again."
	text := "You owe us everything."
	if _, err := s.agreements.Change(t.Context(), s.caller(), core.AgreementTerms, terms.ID, directory.AgreementChange{Text: &text}); err != nil {
		t.Fatal(err)
	}
	// Another window has seen the new text: it is no excuse for this one.
	b.get(p.address).shows(200, "Before you go on")
	box := "agreed." + string(terms.ID)
	p = b.tick(p, box).shows(400, "Before you go on").says(changed)
	if !strings.Contains(p.body, text) || ticked(p) != 0 {
		t.Errorf("the new text is not shown, or is ticked already:\n%s", p.body)
	}
	for _, version := range []string{"0", "-1", "3", "2x", "on", strconv.FormatUint(1<<63, 10)} {
		b.follow(b.post(p.address, url.Values{"choice": {"agreements"}, box: {version}})).shows(400, "Before you go on").says(changed)
	}
	newer := s.publish(core.AgreementTerms, "Terms 2", "Be better.")
	p = b.tick(p, box).shows(400, "Before you go on").says(changed)
	if got := texts(p); got != "Terms 2" {
		t.Errorf("the page asks for %s", got)
	}
	code, _ := b.tick(p, "agreed."+string(newer.ID)).arrives()
	if user := s.enters(code); user.ID != ana.ID || user.AcceptedTerms != string(newer.ID) {
		t.Errorf("accepted is %q", user.AcceptedTerms)
	}
}

// What is withdrawn while it is read is asked for no more.
func TestAgreementsWithdrawnWhileRead(t *testing.T) {
	s := consenting(t)
	s.person("ana@example.org", password)
	terms := s.publish(core.AgreementTerms, "Terms", "Be good.")
	b := s.browser()
	p := s.asked(b)
	if err := s.agreements.Delete(t.Context(), s.caller(), core.AgreementTerms, terms.ID); err != nil {
		t.Fatal(err)
	}
	p = b.tick(p, "agreed."+string(terms.ID)).shows(409, "All done")
	if _, state := b.press(p, "Continue").arrives(); state != "s&1" {
		t.Errorf("the state came back as %q", state)
	}
}
