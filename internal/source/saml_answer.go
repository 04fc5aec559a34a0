package source

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/beevik/etree"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// maxAnswer is how long an answer may be, in base64.
const maxAnswer = 256 << 10

// maxSubject is how long the name of somebody may be, in bytes; SAML Core
// section 8.3.7 has 256 characters.
const maxSubject = 1024

// Read reads an answer that a browser brought by HTTP-POST (SAML Bindings
// section 3.5), in base64, and checks all of it that can be checked without
// knowing the flow (SAML Profiles section 4.1.4.3). Whatever it refuses is a
// [Refusal].
//
// What is returned was read from the signed bytes alone. Encrypted assertions
// are refused, as are those that are not signed by a certificate of the
// settings, answers with several, and names that are another one each time.
// Nothing is ever inflated: answers by HTTP-POST are not compressed.
func (s SAML) Read(answer string, now time.Time) (a Assertion, err error) {
	defer func() {
		// The libraries have crashed on messages before.
		if r := recover(); r != nil {
			a, err = Assertion{}, &Refusal{Reason: "it cannot be read", Cause: fmt.Errorf("panic: %v", r)}
		}
	}()
	response, err := decodeAnswer(answer)
	if err != nil {
		return Assertion{}, err
	}
	assertion, err := s.checkFrame(response)
	if err != nil {
		return Assertion{}, err
	}
	// Whichever of the two is signed must be signed well, and one must be.
	responseSigned, assertionSigned := hasSignature(response), hasSignature(assertion)
	if !responseSigned && !assertionSigned {
		return Assertion{}, refuse("it is not signed")
	}
	said := (*etree.Element)(nil)
	if assertionSigned {
		if said, err = s.verified(assertion, now); err != nil {
			return Assertion{}, err
		}
	}
	if responseSigned {
		if response, err = s.verified(response, now); err != nil {
			return Assertion{}, err
		}
		if said == nil {
			if said, err = single(response, nsAssertion, "Assertion"); err != nil {
				return Assertion{}, err
			}
		}
	}
	if said == nil {
		return Assertion{}, refuse("it has no assertion")
	}
	if err := s.checkResponse(response, responseSigned); err != nil {
		return Assertion{}, err
	}
	a, err = s.readAssertion(said, now)
	if err != nil {
		return Assertion{}, err
	}
	if in := attribute(response, "InResponseTo"); in != a.InResponseTo {
		return Assertion{}, refuse("its two halves answer different requests")
	}
	if a.InResponseTo == "" && !s.Provider.SAML.Unsolicited {
		return Assertion{}, refuse("nobody asked for it, and the provider may not begin by itself")
	}
	return a, nil
}

func decodeAnswer(answer string) (*etree.Element, error) {
	if len(answer) > maxAnswer {
		return nil, refuse("it is larger than 256 KiB")
	}
	compact := strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, answer)
	raw, err := base64.StdEncoding.Strict().DecodeString(compact)
	if err != nil {
		return nil, refuse("it is not base64")
	}
	return readXML(raw, false)
}

func hasSignature(el *etree.Element) bool { return len(children(el, nsSignature, "Signature")) > 0 }

// checkFrame finds the one assertion of a response. It looks at the whole
// message, in which nothing may be hidden: no second assertion at any place, no
// second response, no signature but those of the two, no id that stands twice.
func (s SAML) checkFrame(response *etree.Element) (*etree.Element, error) {
	if !is(response, nsProtocol, "Response") {
		return nil, refuse("it is not a response to a request for authentication")
	}
	var assertion *etree.Element
	ids := make(map[string]bool)
	err := walk(response, func(el *etree.Element) error {
		for _, a := range el.Attr {
			if !strings.EqualFold(a.Key, "id") || a.Space == "xmlns" {
				continue
			}
			if ids[a.Value] {
				return refuse("it has an id twice")
			}
			ids[a.Value] = true
		}
		switch el.Tag {
		case "Response":
			if el != response {
				return refuse("it has a second response in it")
			}
		case "Assertion":
			if assertion != nil {
				return refuse("it has several assertions")
			}
			if !is(el, nsAssertion, "Assertion") || el.Parent() != response {
				return refuse("it has an assertion where none belongs")
			}
			assertion = el
		case "Signature":
			if !is(el, nsSignature, "Signature") || el.Parent() != response && (assertion == nil || el.Parent() != assertion) {
				return refuse("it has a signature where none belongs")
			}
		case "EncryptedAssertion", "EncryptedID", "EncryptedAttribute", "EncryptedData":
			return refuse("it is encrypted, which is not taken; it came over TLS")
		case "LogoutRequest", "LogoutResponse":
			return refuse("it is about signing out, which is not offered")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	status, err := single(response, nsProtocol, "Status")
	if err != nil {
		return nil, err
	}
	if status == nil {
		return nil, refuse("it has no status")
	}
	code, err := single(status, nsProtocol, "StatusCode")
	if err != nil {
		return nil, err
	}
	if code == nil || attribute(code, "Value") != statusSuccess {
		return nil, refuse("the provider says that it did not work")
	}
	if assertion == nil {
		return nil, refuse("it has no assertion")
	}
	return assertion, nil
}

// checkResponse checks what stands around the assertion. Where it is not signed
// anybody may have written it, so that nothing follows from it but refusals.
func (s SAML) checkResponse(response *etree.Element, signed bool) error {
	if attribute(response, "Version") != "2.0" {
		return refuse("it is of another version of SAML")
	}
	destination := attribute(response, "Destination")
	if destination != s.ACS && (signed || destination != "") {
		return refuse("it was meant for another address (Destination)")
	}
	issuer, err := single(response, nsAssertion, "Issuer")
	if err != nil {
		return err
	}
	if issuer == nil && signed {
		return refuse("it does not say whose it is (Issuer)")
	}
	if issuer != nil {
		return s.checkIssuer(issuer)
	}
	return nil
}

func (s SAML) checkIssuer(issuer *etree.Element) error {
	name, err := text(issuer)
	if err != nil {
		return err
	}
	if format := attribute(issuer, "Format"); format != "" && format != formatEntity || name != s.Provider.Issuer {
		return refuse("it is another provider's (Issuer)")
	}
	return nil
}

// readAssertion checks and reads a verified assertion.
func (s SAML) readAssertion(el *etree.Element, now time.Time) (Assertion, error) {
	a := Assertion{ID: attribute(el, "ID"), Identity: Identity{Issuer: s.Provider.Issuer}}
	if attribute(el, "Version") != "2.0" || a.ID == "" || len(a.ID) > maxSubject {
		return Assertion{}, refuse("its assertion is of another version of SAML, or has no id")
	}
	issued, err := moment(el, "IssueInstant")
	if err != nil {
		return Assertion{}, err
	}
	if issued.IsZero() || issued.After(now.Add(leeway)) {
		return Assertion{}, refuse("its assertion was issued at no time, or in the future")
	}
	a.ExpiresAt = issued.Add(assertionLife)
	issuer, err := single(el, nsAssertion, "Issuer")
	if err != nil {
		return Assertion{}, err
	}
	if issuer == nil {
		return Assertion{}, refuse("its assertion does not say whose it is (Issuer)")
	}
	if err := s.checkIssuer(issuer); err != nil {
		return Assertion{}, err
	}
	name, err := s.readSubject(el, &a, now)
	if err != nil {
		return Assertion{}, err
	}
	if err := s.checkConditions(el, &a, now); err != nil {
		return Assertion{}, err
	}
	if !now.Before(a.ExpiresAt) {
		return Assertion{}, refuse("its assertion is past its time")
	}
	if err := checkStatements(el, now); err != nil {
		return Assertion{}, err
	}
	return a, s.readAttributes(el, &a, name)
}

// readSubject reads who it is about, and whether we may be told by whoever
// bears the message (SAML Profiles section 4.1.4.2).
func (s SAML) readSubject(el *etree.Element, a *Assertion, now time.Time) (subjectName, error) {
	subject, err := single(el, nsAssertion, "Subject")
	if err != nil {
		return subjectName{}, err
	}
	if subject == nil {
		return subjectName{}, refuse("its assertion is about nobody (Subject)")
	}
	name, err := s.readName(subject)
	if err != nil {
		return subjectName{}, err
	}
	a.Identity.Subject = name.subject
	why := refuse("its assertion is not for whoever bears it (SubjectConfirmation)")
	for _, confirmation := range children(subject, nsAssertion, "SubjectConfirmation") {
		if attribute(confirmation, "Method") != methodBearer {
			continue
		}
		data, err := single(confirmation, nsAssertion, "SubjectConfirmationData")
		if err != nil {
			return subjectName{}, err
		}
		if data == nil {
			continue
		}
		until, err := moment(data, "NotOnOrAfter")
		if err != nil {
			return subjectName{}, err
		}
		switch {
		case attribute(data, "Recipient") != s.ACS:
			why = refuse("its assertion was meant for another address (Recipient)")
			continue
		case until.IsZero() || attribute(data, "NotBefore") != "":
			why = refuse("its assertion does not say until when it may be brought")
			continue
		case !now.Before(until.Add(leeway)):
			why = refuse("its assertion is past its time")
			continue
		}
		a.InResponseTo = attribute(data, "InResponseTo")
		a.ExpiresAt = earlier(a.ExpiresAt, until.Add(leeway))
		return name, nil
	}
	return subjectName{}, why
}

// subjectName is by what a provider knows somebody.
type subjectName struct {
	subject string // the identity's
	email   string // where the name is an address
}

// readName reads the name of a subject. It is one that stays the same: a
// transient one is another each time, and would make a new person each time.
func (s SAML) readName(subject *etree.Element) (subjectName, error) {
	el, err := single(subject, nsAssertion, "NameID")
	if err != nil {
		return subjectName{}, err
	}
	if el == nil {
		return subjectName{}, refuse("its assertion names nobody (NameID)")
	}
	value, err := text(el)
	if err != nil {
		return subjectName{}, err
	}
	if value == "" || len(value) > maxSubject || strings.ContainsFunc(value, unicode.IsControl) {
		return subjectName{}, refuse("its assertion names nobody (NameID)")
	}
	kind, email := "", ""
	switch attribute(el, "Format") {
	case formatPersistent:
		kind = "persistent"
	case formatEmail:
		kind, email = "email", value
	case "", formatUnspecified:
		kind = "unspecified"
	case formatTransient:
		return subjectName{}, refuse("its name for the person is another one each time (a transient NameID)")
	default:
		return subjectName{}, refuse("its name for the person is of a format that is not taken (NameID)")
	}
	// A name counts among those that one authority makes for one service. Those
	// of the provider itself for us are the rule and have no more to them.
	by, for_ := attribute(el, "NameQualifier"), attribute(el, "SPNameQualifier")
	if by == s.Provider.Issuer {
		by = ""
	}
	if for_ == s.EntityID {
		for_ = ""
	}
	if by != "" || for_ != "" {
		kind += fmt.Sprintf("(%q,%q)", by, for_)
	}
	return subjectName{subject: kind + ":" + value, email: email}, nil
}

// checkConditions checks for whom and when an assertion is (SAML Core section
// 2.5). A condition that is not known is not met.
func (s SAML) checkConditions(el *etree.Element, a *Assertion, now time.Time) error {
	conditions, err := single(el, nsAssertion, "Conditions")
	if err != nil {
		return err
	}
	if conditions == nil {
		return refuse("its assertion does not say for whom it is (Conditions)")
	}
	from, err := moment(conditions, "NotBefore")
	if err != nil {
		return err
	}
	until, err := moment(conditions, "NotOnOrAfter")
	if err != nil {
		return err
	}
	if now.Add(leeway).Before(from) {
		return refuse("its assertion is not good yet")
	}
	if !until.IsZero() {
		a.ExpiresAt = earlier(a.ExpiresAt, until.Add(leeway))
	}
	audiences := 0
	for _, condition := range conditions.ChildElements() {
		switch {
		case is(condition, nsAssertion, "AudienceRestriction"):
			audiences++
			ours := false
			for _, audience := range children(condition, nsAssertion, "Audience") {
				name, err := text(audience)
				if err != nil {
					return err
				}
				ours = ours || name == s.EntityID
			}
			if !ours {
				return refuse("its assertion is for somebody else (Audience)")
			}
		case is(condition, nsAssertion, "OneTimeUse"), is(condition, nsAssertion, "ProxyRestriction"):
			// Each is used once here, and passed on to nobody.
		default:
			return refuse("its assertion has a condition that is not known")
		}
	}
	if audiences == 0 {
		return refuse("its assertion does not say for whom it is (Audience)")
	}
	return nil
}

// checkStatements looks for the statement that the person signed in at the
// provider, in a session that is not over. How long ours lasts is the pool's.
func checkStatements(el *etree.Element, now time.Time) error {
	statements := children(el, nsAssertion, "AuthnStatement")
	if len(statements) == 0 {
		return refuse("its assertion does not say that the person signed in (AuthnStatement)")
	}
	for _, statement := range statements {
		until, err := moment(statement, "SessionNotOnOrAfter")
		if err != nil {
			return err
		}
		if !until.IsZero() && !now.Before(until.Add(leeway)) {
			return refuse("the person's session at the provider is over")
		}
	}
	return nil
}

// emailAttributes are the usual names of the attribute that has the address,
// where the settings name none.
func emailAttributes() []string {
	return []string{
		"urn:oid:0.9.2342.19200300.100.1.3",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
		"mail",
		"email",
	}
}

// readAttributes reads what else the provider says: the first value of each
// attribute, by its name and, where nothing else has that name, by its friendly
// one. An attribute that stands twice is refused: which one counts would be
// anybody's guess.
func (s SAML) readAttributes(el *etree.Element, a *Assertion, name subjectName) error {
	claims, friendly := make(map[string]string), make(map[string]string)
	for _, statement := range children(el, nsAssertion, "AttributeStatement") {
		for _, attr := range children(statement, nsAssertion, "Attribute") {
			id := attribute(attr, "Name")
			if _, twice := claims[id]; twice || id == "" {
				return refuse("it has an attribute of a person twice, or one without a name")
			}
			claims[id] = ""
			values := children(attr, nsAssertion, "AttributeValue")
			if len(values) == 0 || len(values[0].ChildElements()) > 0 {
				continue // no text
			}
			value, err := text(values[0])
			if err != nil {
				return err
			}
			claims[id] = value
			if f := attribute(attr, "FriendlyName"); f != "" {
				friendly[f] = value
			}
		}
	}
	for f, value := range friendly {
		if _, there := claims[f]; !there {
			claims[f] = value
		}
	}
	a.Identity.Claims = claims
	a.Identity.Email = s.email(claims, name)
	if a.Identity.Email == "" {
		return nil
	}
	email, ok := core.ParseEmail(a.Identity.Email)
	if !ok {
		a.Identity.Email = ""
		return nil
	}
	a.Identity.EmailVerified = s.Provider.TrustEmail && s.Provider.Takes(email)
	return nil
}

// email is the person's address in the words of the provider; empty: none.
func (s SAML) email(claims map[string]string, name subjectName) string {
	if asked := s.Provider.SAML.EmailAttribute; asked != "" {
		return claims[asked]
	}
	if name.email != "" {
		return name.email
	}
	for _, usual := range emailAttributes() {
		if claims[usual] != "" {
			return claims[usual]
		}
	}
	return ""
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
