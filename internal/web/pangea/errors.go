package pangea

import "github.com/gatehouse-id/gatehouse/internal/core"

// errorWord is how one of our errors looks here.
type errorWord struct {
	status  string
	http    int
	summary string // where the error brings no sentence of its own
	// problem is told in result.errors where the error brings none.
	problem *problemWord
}

type problemWord struct {
	code   string
	source string
}

// errorWords spells every error of the catalogue. The strings are the
// vendor's where one is known; see docs/compat/pangea.md.
func errorWords() map[core.Code]errorWord {
	return map[core.Code]errorWord{
		core.CodeInvalid:          {status: "ValidationError", http: 400, summary: "The request is not valid"},
		core.CodeTooLarge:         {status: "ValidationError", http: 400, summary: "The request is too large", problem: &problemWord{"IsTooBig", ""}},
		core.CodeUnsupportedMedia: {status: "ValidationError", http: 415, summary: "The body must be JSON", problem: &problemWord{"InvalidObject", ""}},
		core.CodeNoRoute:          {status: "NotFound", http: 404, summary: "There is nothing at this path"},
		core.CodeNotYet:           {status: "NotFound", http: 404, summary: "This endpoint is not available yet"},
		core.CodeMethodNotAllowed: {status: "NotFound", http: 405, summary: "This path does not take this method"},
		core.CodeUnauthenticated:  {status: "Unauthorized", http: 401, summary: "The API token is not valid"},
		core.CodeForbidden:        {status: "Unauthorized", http: 403, summary: "The API token may not do this"},
		core.CodeNotFound:         {status: "NotFound", http: 404, summary: "There is no such thing", problem: &problemWord{"DoesNotExist", ""}},
		core.CodeTaken:            {status: "ValidationError", http: 400, summary: "This is taken", problem: &problemWord{"ItemNotUnique", ""}},
		core.CodeConflict:         {status: "Conflict", http: 409, summary: "Another request changed this at the same time"},
		core.CodeTokenInvalid:     {status: "InvalidToken", http: 400, summary: "The token is not valid"},
		core.CodeTokenExpired:     {status: "ExpiredToken", http: 400, summary: "The token has expired"},
		core.CodeTicketInvalid:    {status: "InvalidToken", http: 400, summary: "The code or link is not valid"},
		core.CodeWrongCredentials: {status: "AuthenticationFailure", http: 400, summary: "Wrong password or unknown account"},
		core.CodeWrongCode:        {status: "AuthenticationFailure", http: 400, summary: "Wrong code"},
		core.CodeCodeExpired:      {status: "MfaCodeExpired", http: 400, summary: "The code has expired"},
		core.CodePasskeyRefused:   {status: "AuthenticationFailure", http: 400, summary: "The passkey was not accepted"},
		core.CodeCaptchaRefused:   {status: "AuthenticationFailure", http: 400, summary: "The captcha was not solved"},
		core.CodeProviderRefused:  {status: "AuthenticationFailure", http: 400, summary: "The provider did not say who this is"},
		core.CodeOtherWay:         {status: "AuthenticationFailure", http: 400, summary: "This address belongs to somebody who signs in another way"},
		core.CodeOtherAddress:     {status: "AuthenticationFailure", http: 400, summary: "The provider speaks of another e-mail address"},
		core.CodeServiceDown:      {status: "ServiceNotAvailable", http: 503, summary: "This cannot be checked just now"},
		core.CodeLocked:           {status: "TooManyRequests", http: 429, summary: "Too many wrong tries"},
		core.CodeDisabled:         {status: "DisabledUser", http: 403, summary: "This account is disabled"},
		core.CodeSignupClosed:     {status: "SignupDisabled", http: 403, summary: "Sign-up is closed"},
		core.CodeFlowEnded:        {status: "NotFound", http: 404, summary: "The flow is unknown, completed or expired", problem: &problemWord{"DoesNotExist", "/flow_id"}},
		core.CodeNotOffered:       {status: "ValidationError", http: 400, summary: "This choice is not available now", problem: &problemWord{"BadState", "/choice"}},
		core.CodeFlowIncomplete:   {status: "ValidationError", http: 400, summary: "The flow is not complete", problem: &problemWord{"BadState", "/flow_id"}},
		core.CodeRedirectRefused:  {status: "ValidationError", http: 400, summary: "This redirect is not registered", problem: &problemWord{"DoesNotExist", "/cb_uri"}},
		core.CodeAddressRefused:   {status: "Unauthorized", http: 403, summary: "People may not come from this address"},
		core.CodeTravelRefused:    {status: "TravelDistanceExceeded", http: 403, summary: "Too far from the last sign-in for the time between the two"},
		core.CodePlaceRefused:     {status: "Unauthorized", http: 403, summary: "People may not come from this country"},
		core.CodeDomainRefused:    {status: "Unauthorized", http: 403, summary: "People may not come with an e-mail address of this domain"},
		core.CodeTooMany:          {status: "TooManyRequests", http: 429, summary: "Too many requests"},
		core.CodeBusy:             {status: "ServiceNotAvailable", http: 503, summary: "The service is busy"},
		core.CodeUnavailable:      {status: "ServiceNotAvailable", http: 503, summary: "The service is not available just now"},
		core.CodeInternal:         {status: "InternalError", http: 500, summary: "Something went wrong on our side"},
	}
}

// problemWords spells what can be wrong with a field in the vendor's words.
func problemWords() map[core.ProblemCode]string {
	return map[core.ProblemCode]string{
		core.ProblemRequired:     "FieldRequired",
		core.ProblemUnknown:      "UnexpectedProperty",
		core.ProblemType:         "InvalidObject",
		core.ProblemText:         "InvalidString",
		core.ProblemInteger:      "InvalidInteger",
		core.ProblemBoolean:      "InvalidBool",
		core.ProblemObject:       "InvalidObject",
		core.ProblemArray:        "InvalidArray",
		core.ProblemFormat:       "DoesNotMatchPattern",
		core.ProblemEmail:        "BadFormatEmail",
		core.ProblemTime:         "BadFormatDateTime",
		core.ProblemURI:          "BadFormatURI",
		core.ProblemChoice:       "NotEnumMember",
		core.ProblemTooShort:     "BelowMinLength",
		core.ProblemTooLong:      "AboveMaxLength",
		core.ProblemTooSmall:     "IsTooSmall",
		core.ProblemTooLarge:     "IsTooBig",
		core.ProblemNotThere:     "DoesNotExist",
		core.ProblemProvideOne:   "MustProvideOne",
		core.ProblemExclusive:    "MutuallyExclusive",
		core.ProblemState:        "BadState",
		core.ProblemPolicy:       "ShouldNotBeValid",
		core.ProblemTaken:        "ItemNotUnique",
		core.ProblemNotReadable:  "InvalidObject",
		core.ProblemUnregistered: "DoesNotExist",
	}
}
