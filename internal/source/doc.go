// Package source asks others who somebody is: OpenID providers, services with
// an OAuth sign-in of their own, SAML identity providers. It knows nothing of
// flows and people: it sends a browser on its way, and reads what it brings
// back. Start with [Identity].
package source
