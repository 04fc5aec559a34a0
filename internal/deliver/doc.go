// Package deliver sends what leaves: the mails that wait in the outbox of the
// store. A mail is put in line in the transaction of its reason and leaves
// afterwards, so no request ever waits for a mail server.
//
// Nothing is lost: a mail leaves the line only once it was handed over or
// given up, and either is an event. It may leave twice if the server dies at
// the wrong moment; the Message-ID is the same then.
//
// Start reading at [Worker]. The words of the mails are in templates/, by
// language and name.
package deliver
