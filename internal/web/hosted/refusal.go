package hosted

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// refusal is how one of our errors is told to a person.
type refusal struct {
	status  int
	heading string // of a page of its own
	text    string // there, and on the page that was answered
	final   string // follows the text of an error that ends by no waiting
	at      string // the field that it stands at, if the page has one; empty: above the form
}

// refusals tells every error of the catalogue.
func refusals() map[core.Code]refusal {
	return map[core.Code]refusal{
		core.CodeInvalid:          {status: 400, heading: "That did not work", text: "Something in the request is missing or not in order."},
		core.CodeTooLarge:         {status: 413, heading: "That is too much", text: "What was sent is larger than this page takes."},
		core.CodeUnsupportedMedia: {status: 415, heading: "That did not work", text: "What was sent is not a form of this page."},
		core.CodeNoRoute:          {status: 404, heading: "There is no such page", text: "Check the address, or go back to the application and start from there."},
		core.CodeNotYet:           {status: 404, heading: "There is no such page", text: "This page is not there yet."},
		core.CodeMethodNotAllowed: {status: 405, heading: "That did not work", text: "This page cannot be used in that way."},
		core.CodeUnauthenticated:  {status: 401, heading: "You are not signed in", text: "Go back to the application and sign in again."},
		core.CodeForbidden:        {status: 403, heading: "That was not allowed", text: "This did not come from this site, or not from this browser. Go back and start from here."},
		core.CodeNotFound:         {status: 404, heading: "There is no such page", text: "What you asked for is not there."},
		core.CodeTaken:            {status: 409, heading: "You already have an account", text: "There is an account with this address already. Sign in instead."},
		core.CodeConflict:         {status: 409, heading: "That came twice", text: "This page was sent twice at the same time. Please try once more."},
		core.CodeTokenInvalid:     {status: 400, heading: "You are not signed in", text: "Go back to the application and sign in again."},
		core.CodeTokenExpired:     {status: 400, heading: "You are not signed in", text: "Go back to the application and sign in again."},
		core.CodeTicketInvalid:    {status: 410, heading: "This link no longer works", text: "It was used already, is too old, or a newer one has taken its place. If you still need it, ask for another mail."},
		core.CodeWrongCredentials: {status: 400, heading: "That did not work", text: "The e-mail address or the password is wrong.", at: "password"},
		core.CodeWrongCode:        {status: 400, heading: "That did not work", text: "This is not the code that we sent last.", at: "code"},
		core.CodeCodeExpired:      {status: 400, heading: "This code no longer works", text: "It is too old, or was tried too often. Ask for another one.", at: "code"},
		core.CodePasskeyRefused:   {status: 400, heading: "That did not work", text: "This passkey was not accepted. Please try once more, or go on another way."},
		core.CodeCaptchaRefused:   {status: 400, heading: "That did not work", text: "That was not solved, or was too late. Please try once more."},
		core.CodeProviderRefused:  {status: 400, heading: "That did not work", text: "You could not be signed in that way. Please try once more, or go on another way."},
		core.CodeOtherWay:         {status: 409, heading: "Please sign in another way", text: "You could not be signed in that way. If you have an account here, sign in as you usually do."},
		core.CodeOtherAddress:     {status: 409, heading: "That is another address", text: "That account has another e-mail address than the one that you began with. Choose the account with that address, or start again."},
		core.CodeServiceDown:      {status: 503, heading: "Not available just now", text: "This cannot be checked just now. Please try once more in a moment."},
		core.CodeLocked:           {status: 429, heading: "Too many wrong tries", text: "There were too many wrong tries.", final: "The password works no more. Please ask for a new one."},
		core.CodeDisabled:         {status: 403, heading: "This account is disabled", text: "This account is disabled. Ask whoever runs the application."},
		core.CodeSignupClosed:     {status: 403, heading: "Sign-up is closed", text: "New accounts cannot be created here."},
		core.CodeFlowEnded:        {status: 404, heading: "This page has expired", text: "It was finished already, was open for too long, or was begun in another browser. Please start again."},
		core.CodeNotOffered:       {status: 409, heading: "This step is over", text: "That step is over already. Please go on here."},
		core.CodeFlowIncomplete:   {status: 409, heading: "Something is still missing", text: "Something is still missing. Please go on here."},
		core.CodeRedirectRefused:  {status: 400, heading: "This application is not set up", text: "The address to return to is not registered here, so you cannot be sent there. Whoever runs the application can add it."},
		core.CodeAddressRefused:   {status: 403, heading: "Not from here", text: "You cannot sign in from where you are: your network is not among those that the application allows. Whoever runs it can add it."},
		core.CodeTravelRefused:    {status: 403, heading: "Not from here", text: "You signed in a short while ago, too far from where you are now. If that was not you, change your password. Otherwise try again later, or ask whoever runs the application."},
		core.CodePlaceRefused:     {status: 403, heading: "Not from here", text: "You cannot come in from the country that you seem to be in. Whoever runs the application can tell you more."},
		core.CodeDomainRefused:    {status: 403, heading: "Not with this address", text: "You cannot come in with an e-mail address of this provider. Please use another one, or ask whoever runs the application."},
		core.CodeTooMany:          {status: 429, heading: "Too many requests", text: "There were too many requests."},
		core.CodeBusy:             {status: 503, heading: "Very busy just now", text: "There is very much to do just now."},
		core.CodeUnavailable:      {status: 503, heading: "Not available just now", text: "This is not available just now. Please try again in a moment."},
		core.CodeInternal:         {status: 500, heading: "Something went wrong", text: "Something went wrong on our side. Please try again in a moment."},
	}
}

// refusalOf looks an error up. Where the error says how long to wait, the text
// does too.
func refusalOf(err error) refusal {
	told := refusals()[core.CodeOf(err)]
	if after := retryAfter(err); after > 0 {
		told.text += " Please try again in " + spell(after) + "."
	} else if told.final != "" {
		told.text += " " + told.final
	}
	return told
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// setRetryAfter writes the header, in whole seconds (RFC 9110 section 10.2.3).
func setRetryAfter(h http.Header, err error) {
	if after := retryAfter(err); after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
}

// spell writes a time to wait, rounded up.
func spell(d time.Duration) string {
	count := func(n float64, unit string) string {
		if n <= 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%.0f %ss", n, unit)
	}
	switch {
	case d <= 90*time.Second:
		return count(math.Ceil(d.Seconds()), "second")
	case d <= 90*time.Minute:
		return count(math.Ceil(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return count(math.Ceil(d.Hours()), "hour")
	default:
		return count(math.Ceil(d.Hours()/24), "day")
	}
}

// plain is a page that only says something.
type plain struct {
	Heading string
	Text    string
	Request core.RequestID // by which a fault is found in the log
	Onward  onward
}

// onward is where a page leads.
type onward struct {
	Href string
	Text string
}

// refuse answers with a page about the error, and never with a redirect.
func (p *Pages) refuse(w http.ResponseWriter, v *visit, err error) {
	ctx := v.r.Context()
	web.Fault(ctx, err)
	told := refusalOf(err)
	data := plain{Heading: told.heading, Text: told.text, Onward: v.onward}
	switch core.CodeOf(err) {
	case core.CodeInternal, core.CodeUnavailable:
		data.Request = web.From(ctx).ID
	case core.CodeFlowEnded:
		if v.pool.ID != "" && data.Onward.Href == "" {
			data.Onward = onward{v.base + "/authorize", "Start again"}
		}
	default:
	}
	setRetryAfter(w.Header(), err)
	p.render(w, v, view{name: "plain", status: told.status, Wrong: true, Data: data})
}
