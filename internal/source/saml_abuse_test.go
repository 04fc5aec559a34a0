package source_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
)

// corpus is answers with which others have come in elsewhere. Each is made of
// one that is taken.
type corpus struct {
	t   testing.TB
	idp *samltest.IdP
	s   source.SAML
	now time.Time
}

func newCorpus(t testing.TB) corpus {
	idp := samltest.New(t, issuer)
	return corpus{t, idp, service(idp), time.Now()}
}

func (c corpus) said() samltest.Said { return good(c.s, c.now) }

// signed is an answer whose assertion, or whose response, is signed.
func (c corpus) signed(tag string) *etree.Element {
	r := c.idp.Response(c.said())
	c.idp.Sign(samltest.Find(r, tag))
	return r
}

// before signs an assertion that was changed before, as a provider would that
// means it.
func (c corpus) before(change func(r, a *etree.Element)) string {
	r := c.idp.Response(c.said())
	a := samltest.Find(r, "Assertion")
	change(r, a)
	c.idp.Sign(a)
	return samltest.Encode(c.t, r)
}

// after changes an answer that was signed, as somebody on the way would.
func (c corpus) after(tag string, change func(r, a *etree.Element)) string {
	r := c.signed(tag)
	change(r, samltest.Find(r, "Assertion"))
	return samltest.Encode(c.t, r)
}

// raw changes the text of an answer that was signed.
func (c corpus) raw(old, new string) string {
	text := string(samltest.Bytes(c.t, c.signed("Assertion")))
	if !strings.Contains(text, old) {
		c.t.Fatalf("the answer has no %q", old)
	}
	return base64.StdEncoding.EncodeToString([]byte(strings.Replace(text, old, new, 1)))
}

// evil is a copy of an element about somebody else, without its signature.
func evil(el *etree.Element) *etree.Element {
	other := el.Copy()
	samltest.Find(other, "NameID").SetText("admin")
	if signature := samltest.Find(other, "Signature"); signature != nil {
		signature.Parent().RemoveChild(signature)
	}
	return other
}

// wrapped is the eight ways to wrap a signature (Somorovsky and others, "On
// Breaking SAML", 2012), as SAML Raider numbers them.
func (c corpus) wrapped() map[string]string {
	return map[string]string{
		"1: the signed response in the signature of another": c.after("Response", func(r, _ *etree.Element) {
			original, signature := r.Copy(), samltest.Find(r, "Signature")
			original.RemoveChild(samltest.Find(original, "Signature"))
			samltest.Find(r, "NameID").SetText("admin")
			r.CreateAttr("ID", "_other")
			signature.AddChild(original)
		}),
		"2: the signed response before the signature of another": c.after("Response", func(r, _ *etree.Element) {
			original, signature := r.Copy(), samltest.Find(r, "Signature")
			original.RemoveChild(samltest.Find(original, "Signature"))
			samltest.Find(r, "NameID").SetText("admin")
			r.CreateAttr("ID", "_other")
			r.InsertChildAt(signature.Index(), original)
		}),
		"3: another assertion before the signed one": c.after("Assertion", func(r, a *etree.Element) {
			other := evil(a)
			other.CreateAttr("ID", "_other")
			r.InsertChildAt(a.Index(), other)
		}),
		"4: the signed assertion in another one": c.after("Assertion", func(r, a *etree.Element) {
			other := evil(a)
			other.CreateAttr("ID", "_other")
			r.AddChild(other)
			other.AddChild(a)
		}),
		"5: another assertion with the signature, the signed one behind it": c.after("Assertion", func(r, a *etree.Element) {
			original := evil(a)
			samltest.Find(original, "NameID").SetText(samltest.Find(a, "NameID").Text())
			samltest.Find(a, "NameID").SetText("admin")
			a.CreateAttr("ID", "_other")
			r.AddChild(original)
		}),
		"6: another assertion, the signed one in its signature": c.after("Assertion", func(_, a *etree.Element) {
			original := a.Copy()
			original.RemoveChild(samltest.Find(original, "Signature"))
			samltest.Find(a, "NameID").SetText("admin")
			a.CreateAttr("ID", "_other")
			samltest.Find(a, "Signature").AddChild(original)
		}),
		"7: another assertion among the extensions": c.after("Assertion", func(r, a *etree.Element) {
			extensions := etree.NewElement("samlp:Extensions")
			extensions.AddChild(evil(a))
			r.InsertChildAt(a.Index(), extensions)
		}),
		"8: another assertion, the signed one in an object of its signature": c.after("Assertion", func(_, a *etree.Element) {
			original := a.Copy()
			original.RemoveChild(samltest.Find(original, "Signature"))
			samltest.Find(a, "NameID").SetText("admin")
			a.CreateAttr("ID", "_other")
			samltest.Find(a, "Signature").CreateElement("ds:Object").AddChild(original)
		}),
		"with the same id, before": c.after("Assertion", func(r, a *etree.Element) { r.InsertChildAt(a.Index(), evil(a)) }),
		"with the same id, behind": c.after("Assertion", func(r, a *etree.Element) { r.AddChild(evil(a)) }),
		"with the signature of the first": c.after("Assertion", func(r, a *etree.Element) {
			other := a.Copy()
			samltest.Find(other, "NameID").SetText("admin")
			r.InsertChildAt(a.Index(), other)
		}),
		"copied as it is": c.after("Assertion", func(r, a *etree.Element) { r.AddChild(a.Copy()) }),
		"of another namespace, beside the signed one": c.after("Assertion", func(r, a *etree.Element) {
			other := evil(a)
			other.CreateAttr("xmlns:saml", "urn:other")
			other.CreateAttr("ID", "_other")
			r.InsertChildAt(a.Index(), other)
		}),
	}
}

// changed is answers whose signature was taken off, moved, weakened or made by
// somebody else, or that were changed behind it.
func (c corpus) changed() map[string]string {
	stranger := samltest.New(c.t, issuer)
	return map[string]string{
		"not signed": samltest.Encode(c.t, c.idp.Response(c.said())),
		"the signature removed": c.after("Assertion", func(_, a *etree.Element) {
			a.RemoveChild(samltest.Find(a, "Signature"))
		}),
		"the signature of a response removed": c.after("Response", func(r, _ *etree.Element) { r.RemoveChild(samltest.Find(r, "Signature")) }),
		"signed by another key, whose certificate it brings": func() string {
			return stranger.Answer(c.said())
		}(),
		"the response signed by another key": func() string {
			r := c.signed("Assertion")
			stranger.Sign(r)
			return samltest.Encode(c.t, r)
		}(),
		"the assertion signed by another key, the response by the right one": func() string {
			r := c.idp.Response(c.said())
			stranger.Sign(samltest.Find(r, "Assertion"))
			c.idp.Sign(r)
			return samltest.Encode(c.t, r)
		}(),
		"the certificate replaced": c.after("Assertion", func(_, a *etree.Element) {
			samltest.Find(a, "NameID").SetText("admin")
			samltest.Find(a, "X509Certificate").SetText("AAAA")
		}),
		"another name":                 c.after("Assertion", func(_, a *etree.Element) { samltest.Find(a, "NameID").SetText("admin") }),
		"another name in the response": c.after("Response", func(_, a *etree.Element) { samltest.Find(a, "NameID").SetText("admin") }),
		"another attribute":            c.after("Assertion", func(_, a *etree.Element) { samltest.Find(a, "AttributeValue").SetText("admin@example.org") }),
		"another algorithm": c.after("Assertion", func(_, a *etree.Element) {
			samltest.Find(a, "SignatureMethod").CreateAttr("Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1")
		}),
		"no algorithm": c.after("Assertion", func(_, a *etree.Element) { samltest.Find(a, "SignatureMethod").RemoveAttr("Algorithm") }),
		"signed by SHA-1": func() string {
			r := c.idp.Response(c.said())
			c.idp.SignBy(samltest.Find(r, "Assertion"), crypto.SHA1)
			return samltest.Encode(c.t, r)
		}(),
		"another transform": c.after("Assertion", func(_, a *etree.Element) {
			samltest.Find(a, "Transforms").CreateElement("ds:Transform").CreateAttr("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")
		}),
		"two references": c.after("Assertion", func(_, a *etree.Element) {
			info := samltest.Find(a, "SignedInfo")
			info.AddChild(samltest.Find(info, "Reference").Copy())
		}),
		"a reference to everything": c.after("Assertion", func(_, a *etree.Element) { samltest.Find(a, "Reference").CreateAttr("URI", "") }),
		"a reference elsewhere": c.after("Assertion", func(_, a *etree.Element) {
			samltest.Find(a, "Reference").CreateAttr("URI", "https://evil.example/")
		}),
		"two signed infos": c.after("Assertion", func(_, a *etree.Element) {
			signature := samltest.Find(a, "Signature")
			signature.InsertChildAt(0, samltest.Find(a, "SignedInfo").Copy())
		}),
		"the signature in the subject": c.after("Assertion", func(_, a *etree.Element) {
			samltest.Find(a, "Subject").AddChild(samltest.Find(a, "Signature"))
		}),
		"the signature in the response": c.after("Assertion", func(r, a *etree.Element) { r.InsertChildAt(1, samltest.Find(a, "Signature")) }),
		"a signature of another namespace": c.after("Assertion", func(_, a *etree.Element) {
			samltest.Find(a, "Signature").CreateAttr("xmlns:ds", "urn:other")
		}),
		"a comment in the name":          c.raw(">u-4711<", ">u-<!-- -->4711<"),
		"an instruction in the name":     c.raw(">u-4711<", ">u-<?a b?>4711<"),
		"an element in the name":         c.before(func(_, a *etree.Element) { samltest.Find(a, "NameID").CreateElement("saml:x").SetText("admin") }),
		"a name of another namespace":    c.before(func(_, a *etree.Element) { samltest.Find(a, "NameID").CreateAttr("xmlns:saml", "urn:other") }),
		"an id twice on one element":     c.raw(` Version="2.0" IssueInstant`, ` Version="2.0" Version="2.0" IssueInstant`),
		"encrypted":                      c.after("Assertion", func(r, _ *etree.Element) { r.CreateElement("saml:EncryptedAssertion") }),
		"encrypted, and nothing else":    c.after("Assertion", func(r, a *etree.Element) { r.RemoveChild(a); r.CreateElement("saml:EncryptedAssertion") }),
		"an encrypted name":              c.before(func(_, a *etree.Element) { samltest.Find(a, "Subject").CreateElement("saml:EncryptedID") }),
		"a signed response, encrypted":   c.after("Response", func(r, _ *etree.Element) { r.CreateElement("saml:EncryptedAssertion") }),
		"no assertion":                   c.after("Assertion", func(r, a *etree.Element) { r.RemoveChild(a) }),
		"an assertion by itself":         samltest.Encode(c.t, samltest.Find(c.signed("Assertion"), "Assertion")),
		"a response of another language": c.after("Assertion", func(r, _ *etree.Element) { r.CreateAttr("xmlns:samlp", "urn:oasis:names:tc:SAML:1.0:protocol") }),
	}
}

// misdirected is answers that are signed well and mean something else.
func (c corpus) misdirected() map[string]string {
	at := func(d time.Duration) string { return c.now.Add(d).UTC().Format(time.RFC3339) }
	set := func(tag, name, value string) string {
		return c.before(func(r, _ *etree.Element) { samltest.Find(r, tag).CreateAttr(name, value) })
	}
	word := func(tag, value string) string {
		return c.before(func(_, a *etree.Element) { samltest.Find(a, tag).SetText(value) })
	}
	without := func(tag string) string {
		return c.before(func(_, a *etree.Element) { el := samltest.Find(a, tag); el.Parent().RemoveChild(el) })
	}
	return map[string]string{
		"of another issuer":                  word("Issuer", "https://other.example.org"),
		"of no issuer":                       without("Issuer"),
		"of an issuer of another form":       c.before(func(_, a *etree.Element) { samltest.Find(a, "Issuer").CreateAttr("Format", persistent) }),
		"whose response is another issuer's": c.after("Assertion", func(r, _ *etree.Element) { samltest.Find(r, "Issuer").SetText("https://other.example.org") }),
		"for another address":                set("Response", "Destination", "https://other.example.com/acs"),
		"for another recipient":              set("SubjectConfirmationData", "Recipient", "https://other.example.com/acs"),
		"for no recipient":                   c.before(func(_, a *etree.Element) { samltest.Find(a, "SubjectConfirmationData").RemoveAttr("Recipient") }),
		"for another audience":               word("Audience", "https://other.example.com"),
		"for an audience that begins alike":  word("Audience", c.s.EntityID+"2"),
		"for no audience":                    without("AudienceRestriction"),
		"for us and, elsewhere, for others": c.before(func(_, a *etree.Element) {
			samltest.Find(a, "Conditions").CreateElement("saml:AudienceRestriction").CreateElement("saml:Audience").SetText("https://other.example.com")
		}),
		"without conditions":         without("Conditions"),
		"under an unknown condition": c.before(func(_, a *etree.Element) { samltest.Find(a, "Conditions").CreateElement("saml:Condition") }),
		"not good yet":               set("Conditions", "NotBefore", at(2*time.Minute)),
		"past its time":              set("Conditions", "NotOnOrAfter", at(-2*time.Minute)),
		"brought too late":           set("SubjectConfirmationData", "NotOnOrAfter", at(-2*time.Minute)),
		"to be brought later":        set("SubjectConfirmationData", "NotBefore", at(2*time.Minute)),
		"without an end":             c.before(func(_, a *etree.Element) { samltest.Find(a, "SubjectConfirmationData").RemoveAttr("NotOnOrAfter") }),
		"of a time that is none":     set("Conditions", "NotOnOrAfter", "tomorrow"),
		"issued long ago":            set("Assertion", "IssueInstant", at(-2*time.Hour)),
		"issued in the future":       set("Assertion", "IssueInstant", at(2*time.Minute)),
		"of a session that is over":  set("AuthnStatement", "SessionNotOnOrAfter", at(-2*time.Minute)),
		"without signing in":         without("AuthnStatement"),
		"for the holder of a key":    set("SubjectConfirmation", "Method", "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"),
		"confirmed by nothing":       without("SubjectConfirmation"),
		"about nobody":               without("Subject"),
		"without a name":             without("NameID"),
		"of an empty name":           word("NameID", ""),
		"of a blank name":            word("NameID", " \n "),
		"of a name for once":         set("NameID", "Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
		"of a name of another form":  set("NameID", "Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"),
		"two names":                  c.before(func(_, a *etree.Element) { samltest.Find(a, "Subject").CreateElement("saml:NameID").SetText("admin") }),
		"two subjects":               c.before(func(_, a *etree.Element) { a.AddChild(samltest.Find(a, "Subject").Copy()) }),
		"an attribute twice": c.before(func(_, a *etree.Element) {
			samltest.Find(a, "AttributeStatement").AddChild(samltest.Find(a, "Attribute").Copy())
		}),
		"of another version":            set("Assertion", "Version", "1.1"),
		"that says that it failed":      set("StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Responder"),
		"without a status":              c.before(func(r, _ *etree.Element) { r.RemoveChild(samltest.Find(r, "Status")) }),
		"to two requests":               set("Response", "InResponseTo", "_other"),
		"to a request in its half only": c.before(func(_, a *etree.Element) { samltest.Find(a, "SubjectConfirmationData").RemoveAttr("InResponseTo") }),
		"to nobody's request": func() string {
			said := c.said()
			said.InResponseTo = ""
			return c.idp.Answer(said)
		}(),
		"a signed response for no address": func() string {
			r := c.idp.Response(c.said())
			r.RemoveAttr("Destination")
			c.idp.Sign(r)
			return samltest.Encode(c.t, r)
		}(),
		"a signed response of no issuer": func() string {
			r := c.idp.Response(c.said())
			r.RemoveChild(samltest.Find(r, "Issuer"))
			c.idp.Sign(r)
			return samltest.Encode(c.t, r)
		}(),
	}
}

// expanding is messages that are larger than they look, or are no XML.
func (c corpus) expanding() map[string]string {
	good := string(samltest.Bytes(c.t, c.signed("Assertion")))
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	laughs := "<!DOCTYPE lolz [<!ENTITY lol \"lol\">"
	for i := 1; i < 10; i++ {
		laughs += fmt.Sprintf("<!ENTITY lol%d \"%s\">", i, strings.Repeat(fmt.Sprintf("&lol%d;", i-1), 10))
	}
	var bomb bytes.Buffer
	w, err := flate.NewWriter(&bomb, flate.BestCompression)
	if err != nil {
		c.t.Fatal(err)
	}
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for bomb.Len() < maxBase64*3/4-4096 {
		if _, err := w.Write(blank); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		c.t.Fatal(err)
	}
	return map[string]string{
		"a document type":                    encode("<!DOCTYPE a>" + good),
		"an entity of a file":                encode(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + strings.Replace(good, ">u-4711<", ">&x;<", 1)),
		"an entity that nobody declared":     encode(strings.Replace(good, ">u-4711<", ">&x;<", 1)),
		"a billion laughs":                   encode(laughs + "]>" + strings.Replace(good, ">u-4711<", ">&lol9;<", 1)),
		"a deflate bomb":                     base64.StdEncoding.EncodeToString(bomb.Bytes()),
		"elements in one another, 64":        encode(strings.Replace(good, ">u-4711<", ">"+strings.Repeat("<a>", 64)+strings.Repeat("</a>", 64)+"<", 1)),
		"elements in one another, thousands": encode(strings.Repeat("<a>", 30000)),
		"elements beside one another":        encode("<a>" + strings.Repeat("<b/>", 40000) + "</a>"),
		"attributes": encode("<a" + func() string {
			var b strings.Builder
			for i := range 15000 {
				fmt.Fprintf(&b, " a%d=''", i)
			}
			return b.String()
		}() + "/>"),
		"namespaces": encode("<a" + func() string {
			var b strings.Builder
			for i := range 5000 {
				fmt.Fprintf(&b, " xmlns:a%d='urn:%d'", i, i)
			}
			return b.String()
		}() + "/>"),
		"larger than is read":           strings.Repeat("A", maxBase64+4),
		"another encoding":              encode(`<?xml version="1.0" encoding="UTF-16"?>` + good),
		"two documents":                 encode(good + good),
		"text behind it":                encode(good + "admin"),
		"junk of CBC padding":           base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x10, 0xff, 0x00}, 4096)),
		"not base64":                    "<samlp:Response/>",
		"base64 of another alphabet":    "PHNhbWxwOlJlc3BvbnNlLz4_-_",
		"nothing":                       "",
		"an empty document":             encode(" "),
		"a name with two colons":        encode(strings.ReplaceAll(good, "samlp:Response", "samlp:a:Response")),
		"a prefix that nobody declared": encode(strings.ReplaceAll(good, "saml:Subject>", "other:Subject>")),
		"invalid UTF-8":                 encode(strings.Replace(good, ">u-4711<", ">u-\xff4711<", 1)),
	}
}

const maxBase64 = 256 << 10

// logouts is what a provider sends that signs somebody out. We offer none of it.
func (c corpus) logouts() map[string]string {
	all := make(map[string]string)
	for _, tag := range []string{"LogoutRequest", "LogoutResponse"} {
		el := etree.NewElement("samlp:" + tag)
		el.CreateAttr("xmlns:samlp", samltest.Protocol)
		el.CreateAttr("xmlns:saml", samltest.Assertion)
		el.CreateAttr("ID", samltest.NewID())
		el.CreateAttr("Version", "2.0")
		el.CreateAttr("Destination", c.s.ACS)
		el.CreateElement("saml:Issuer").SetText(issuer)
		el.CreateElement("saml:NameID").SetText("u-4711")
		all[tag+" without a signature"] = samltest.Encode(c.t, el)
		c.idp.Sign(el)
		all[tag] = samltest.Encode(c.t, el)
	}
	return all
}

// refused reads answers that must all be refused, without a panic, and within
// 20 MB of memory each.
func (c corpus) refused(answers map[string]string) {
	c.t.Helper()
	for name, answer := range answers {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a, err := c.s.Read(answer, c.now)
		runtime.ReadMemStats(&after)
		var refusal *source.Refusal
		switch {
		case err == nil:
			c.t.Errorf("law: an answer is refused: %s; it was read as %+v", name, a)
		case !errors.As(err, &refusal):
			c.t.Errorf("law: what is refused is the provider's fault: %s: %v", name, err)
		case refusal.Cause != nil && strings.HasPrefix(refusal.Cause.Error(), "panic"):
			c.t.Errorf("law: nothing crashes: %s: %v", name, reason(err))
		}
		if a.ID != "" || a.Identity.Subject != "" {
			c.t.Errorf("law: nothing comes of an answer that is refused: %s: %+v", name, a)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 20<<20 {
			c.t.Errorf("law: an answer takes at most 20 MB: %s took %d", name, used)
		}
		if testing.Verbose() {
			c.t.Logf("%s: %s", name, reason(err))
		}
	}
	// What they were made of is taken.
	if _, err := c.s.Read(c.idp.Answer(c.said()), c.now); err != nil {
		c.t.Errorf("law: a good answer is taken: %v", reason(err))
	}
}

func TestX10WrappedSignatures(t *testing.T) {
	c := newCorpus(t)
	c.refused(c.wrapped())
	c.refused(c.changed())
}

func TestX11AnswersToSomethingElse(t *testing.T) {
	c := newCorpus(t)
	c.refused(c.misdirected())
}

func TestX12LogoutIsNotOffered(t *testing.T) {
	c := newCorpus(t)
	c.refused(c.logouts())
}

func TestX13XMLThatExpands(t *testing.T) {
	c := newCorpus(t)
	c.refused(c.expanding())
}

// A changed byte is either refused or changes nothing of what is read: it was
// white space, or stood where nothing is read from.
func TestX10EveryChangedByte(t *testing.T) {
	c := newCorpus(t)
	for _, tag := range []string{"Assertion", "Response"} {
		raw := samltest.Bytes(t, c.signed(tag))
		want, err := c.s.Read(base64.StdEncoding.EncodeToString(raw), c.now)
		if err != nil {
			t.Fatal(reason(err))
		}
		for i := 0; i < len(raw); i += 5 {
			changed := bytes.Clone(raw)
			changed[i] ^= 1 << (i % 7)
			got, err := c.s.Read(base64.StdEncoding.EncodeToString(changed), c.now)
			if err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("law: what is read was signed; a change at %d makes %+v of %+v", i, got, want)
			}
		}
	}
}

func FuzzSAMLAnswer(f *testing.F) {
	c := newCorpus(f)
	for _, answers := range []map[string]string{c.wrapped(), c.changed(), c.misdirected(), c.logouts()} {
		for _, answer := range answers {
			raw, err := base64.StdEncoding.DecodeString(answer)
			if err == nil {
				f.Add(raw)
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := c.s.Read(base64.StdEncoding.EncodeToString(raw), c.now)
		if err == nil {
			t.Errorf("law: nobody but the provider makes an answer that is taken: %+v", a)
		}
		if refusal, ok := errors.AsType[*source.Refusal](err); !ok || refusal.Cause != nil && strings.HasPrefix(refusal.Cause.Error(), "panic") {
			t.Errorf("law: nothing crashes, and every refusal says so: %v", reason(err))
		}
	})
}
