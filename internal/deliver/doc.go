// Package deliver sends what leaves: the mails and text messages that wait in the
// outbox of the store, and the word of logouts for applications. A message is put
// in line in the transaction of its reason and leaves afterwards, so no request
// ever waits for a mail server, for the sender of a pool's text messages, or for
// an application.
//
// Nothing is lost: a message leaves the line only once it was handed over or
// given up, and either is an event. It may leave twice if the server dies at
// the wrong moment; the Message-ID of a mail, the id that a webhook is
// given, and that of a logout token are the same then.
//
// Start reading at [Worker]. The words of the messages are in templates/, by
// language and name.
package deliver
