// Package hosted is sign-up and sign-in as pages: what a browser is sent to by
// an application, and what links in mails lead to.
//
// The pages are HTML from templates/, and one style sheet; there is no script.
// They drive the same machine as every other face, in its concealed form: what
// they answer is the same for people who have an account and who have none.
// A flow belongs to the browser that began it, which is known by a cookie;
// nothing else is kept in a browser, and no session outlives a flow.
//
// Start reading at [New] and routes.go.
package hosted
