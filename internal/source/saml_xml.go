package source

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// Bounds of any XML that comes from elsewhere.
const (
	maxXML        = 1 << 20 // bytes
	maxElements   = 1000
	maxDepth      = 32
	maxAttributes = 64 // of one element
)

// readXML reads a document of XML as SAML messages are: UTF-8, one element, no
// document type and so no entities but the five of XML, no instructions, and no
// comments unless they are allowed. Comments mean nothing, and programs that cut
// a text at one have let people in under other names.
func readXML(raw []byte, comments bool) (*etree.Element, error) {
	if err := scanXML(raw, comments); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		return nil, &Refusal{Reason: "it is not XML that can be read", Cause: err}
	}
	if doc.Root() == nil {
		return nil, refuse("it is empty")
	}
	return doc.Root(), nil
}

// scanXML checks the tokens of a document before any tree is made of it.
func scanXML(raw []byte, comments bool) error {
	if len(raw) > maxXML {
		return refuse("it is larger than 1 MiB")
	}
	if !utf8.Valid(raw) {
		return refuse("it is not UTF-8")
	}
	decoder := xml.NewDecoder(bytes.NewReader(raw))
	depth, elements := 0, 0
	for {
		before := decoder.InputOffset()
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &Refusal{Reason: "it is not XML that can be read", Cause: err}
		}
		switch token := token.(type) {
		case xml.Directive:
			return refuse("it has a document type or another directive")
		case xml.Comment:
			if !comments {
				return refuse("it has a comment")
			}
		case xml.ProcInst:
			if before != 0 || token.Target != "xml" {
				return refuse("it has a processing instruction")
			}
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(token)) > 0 {
				return refuse("it has text outside of its element")
			}
		case xml.StartElement:
			if depth == 0 && elements > 0 {
				return refuse("it has several elements")
			}
			depth, elements = depth+1, elements+1
			if depth > maxDepth || elements > maxElements || len(token.Attr) > maxAttributes {
				return refuse("it has too many elements or attributes, or too deep ones")
			}
			seen := make(map[xml.Name]bool, len(token.Attr))
			for _, a := range token.Attr {
				if seen[a.Name] {
					return refuse("it has an attribute twice")
				}
				seen[a.Name] = true
			}
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

// is reports whether an element has this name in this namespace.
func is(el *etree.Element, namespace, tag string) bool {
	return el.Tag == tag && el.NamespaceURI() == namespace
}

// children lists the children of an element that have this name.
func children(el *etree.Element, namespace, tag string) []*etree.Element {
	var list []*etree.Element
	for _, child := range el.ChildElements() {
		if is(child, namespace, tag) {
			list = append(list, child)
		}
	}
	return list
}

// single returns the child of an element that has this name; nil if there is
// none. Two are refused.
func single(el *etree.Element, namespace, tag string) (*etree.Element, error) {
	list := children(el, namespace, tag)
	if len(list) > 1 {
		return nil, refuse("it has two elements " + tag + " in place of one")
	}
	if len(list) == 0 {
		return nil, nil
	}
	return list[0], nil
}

// text is what an element says that has no elements in it, without the white
// space around it.
func text(el *etree.Element) (string, error) {
	var b strings.Builder
	for _, token := range el.Child {
		data, ok := token.(*etree.CharData)
		if !ok {
			return "", refuse("it has an element where text is due")
		}
		b.WriteString(data.Data)
	}
	return strings.TrimSpace(b.String()), nil
}

// attribute is an attribute that is in no namespace; empty: there is none.
func attribute(el *etree.Element, name string) string {
	for _, a := range el.Attr {
		if a.Space == "" && a.Key == name {
			return a.Value
		}
	}
	return ""
}

// moment reads an attribute that is a time in UTC (SAML Core section 1.3.3);
// the zero time: there is none.
func moment(el *etree.Element, name string) (time.Time, error) {
	value := attribute(el, name)
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, refuse("its " + name + " is not a time")
	}
	return t.UTC(), nil
}

// walk visits an element and all in it.
func walk(el *etree.Element, visit func(*etree.Element) error) error {
	if err := visit(el); err != nil {
		return err
	}
	for _, child := range el.ChildElements() {
		if err := walk(child, visit); err != nil {
			return err
		}
	}
	return nil
}
