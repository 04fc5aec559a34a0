package core

// Event is one line of the audit trail. What it says about its actor, address,
// request and time comes from the caller who recorded it.
type Event struct {
	Name   EventName
	Target string            // the id of what it is about
	Reason string            // why it was refused, or why it was done; a Code where there is one
	Data   map[string]string // more, never a secret
}

// EventName names what happened. The catalogue is [EventNames].
type EventName string

// The events.
const (
	EventPoolCreated        EventName = "pool.created"
	EventPoolChanged        EventName = "pool.changed"
	EventPoolRestored       EventName = "pool.restored"
	EventKeyCreated         EventName = "key.created"
	EventKeyRevoked         EventName = "key.revoked"
	EventSigningKeyCreated  EventName = "signing_key.created"
	EventPasswordKeyCreated EventName = "password_key.created"
	EventPasswordKeyRetired EventName = "password_key.retired"
	EventApplicationCreated EventName = "application.created"
	EventApplicationChanged EventName = "application.changed"
	EventApplicationRemoved EventName = "application.removed"
	EventAppSecretCreated   EventName = "application_secret.created"
	EventAppSecretRevoked   EventName = "application_secret.revoked"
	EventClientRefused      EventName = "application.refused"
	EventClientToken        EventName = "application.token_given"
	EventUserCreated        EventName = "user.created"
	EventUserChanged        EventName = "user.changed"
	EventUserDisabled       EventName = "user.disabled"
	EventUserEnabled        EventName = "user.enabled"
	EventUserLocked         EventName = "user.locked"
	EventUserUnlocked       EventName = "user.unlocked"
	EventUserDeleted        EventName = "user.deleted"
	EventEmailVerified      EventName = "user.email_verified"
	EventPasswordChanged    EventName = "password.changed"
	EventPasswordReset      EventName = "password.reset"
	EventPasswordExpired    EventName = "password.expired"
	EventFactorAdded        EventName = "authenticator.added"
	EventFactorRemoved      EventName = "authenticator.removed"
	EventDeviceRemembered   EventName = "device.remembered"
	EventPasswordRefused    EventName = "password.refused"
	EventRecoveryMade       EventName = "recovery_codes.made"
	EventRecoveryUsed       EventName = "recovery_codes.used"
	EventPasskeyCopied      EventName = "passkey.copied"
	EventBudgetSpent        EventName = "budget.spent"
	EventFlowRefused        EventName = "flow.refused"
	EventOneTimeProved      EventName = "flow.one_time_proved"
	EventSignedIn           EventName = "session.started"
	EventRefreshed          EventName = "session.refreshed"
	EventRefreshReused      EventName = "session.refresh_reused"
	EventSignedOut          EventName = "session.ended"
	EventInvitationCreated  EventName = "invitation.created"
	EventInvitationDeleted  EventName = "invitation.deleted"
	EventInvitationAccepted EventName = "invitation.accepted"
	EventAgreementCreated   EventName = "agreement.created"
	EventAgreementChanged   EventName = "agreement.changed"
	EventAgreementPublished EventName = "agreement.published"
	EventAgreementWithdrawn EventName = "agreement.withdrawn"
	EventAgreementDeleted   EventName = "agreement.deleted"
	EventAgreementAccepted  EventName = "agreement.accepted"
	EventConsentGiven       EventName = "consent.given"
	EventConsentRefused     EventName = "consent.refused"
	EventDeviceClaimed      EventName = "device_code.claimed"
	EventDeviceApproved     EventName = "device_code.approved"
	EventDeviceRefused      EventName = "device_code.refused"
	EventGroupCreated       EventName = "group.created"
	EventGroupChanged       EventName = "group.changed"
	EventGroupDeleted       EventName = "group.deleted"
	EventGroupJoined        EventName = "group.joined"
	EventGroupLeft          EventName = "group.left"
	EventImportStarted      EventName = "import.started"
	EventImportEnded        EventName = "import.ended"
	EventMailQueued         EventName = "mail.queued"
	EventMailSent           EventName = "mail.sent"
	EventMailDropped        EventName = "mail.dropped"
	EventTextQueued         EventName = "sms.queued"
	EventTextSent           EventName = "sms.sent"
	EventTextDropped        EventName = "sms.dropped"
	EventLogoutQueued       EventName = "logout.queued"
	EventLogoutSent         EventName = "logout.sent"
	EventLogoutDropped      EventName = "logout.dropped"
	EventRiskNoticed        EventName = "risk.noticed"
	EventRefusalsCounted    EventName = "refusals.counted"
)

// Result says how what an event tells of came out.
type Result string

// The results.
const (
	ResultDone    Result = "done"
	ResultRefused Result = "refused"
)

// Result of what the event tells of.
func (n EventName) Result() Result {
	switch n {
	case EventPasswordRefused, EventPasskeyCopied, EventFlowRefused, EventClientRefused, EventConsentRefused, EventDeviceRefused, EventRefreshReused, EventBudgetSpent, EventMailDropped, EventTextDropped, EventLogoutDropped:
		return ResultRefused
	default:
		return ResultDone
	}
}

// EventMeaning is a line of the catalogue of events.
type EventMeaning struct {
	Name    EventName
	Meaning string
}

// EventNames is the catalogue of events with their meanings.
func EventNames() []EventMeaning {
	return []EventMeaning{
		{EventPoolCreated, "A pool was created."},
		{EventPoolChanged, "Settings of the pool were changed; data names the keys."},
		{EventPoolRestored, "The pool was restored from a backup: what happened since then is lost. Data names when the backup was taken, and whether all sessions ended or were kept."},
		{EventKeyCreated, "An API key was created."},
		{EventKeyRevoked, "An API key was revoked."},
		{EventSigningKeyCreated, "A key for signed tokens was made; data names from when it signs, and whether all before were forgotten."},
		{EventPasswordKeyCreated, "The next key for encrypted passwords was made; data names from when applications are given it. A pool's first one makes no event."},
		{EventPasswordKeyRetired, "An older key for encrypted passwords was forgotten: what is encrypted with it is a wrong password."},
		{EventApplicationCreated, "An application was added to the pool."},
		{EventApplicationChanged, "What is known of an application was changed; data names what."},
		{EventApplicationRemoved, "An application was removed; the sessions of people with it ended, and its secrets work no more."},
		{EventAppSecretCreated, "A secret of an application was made; data names its id."},
		{EventAppSecretRevoked, "A secret of an application was revoked; data names its id."},
		{EventClientRefused, "Something said that it was an application, and could not prove it."},
		{EventClientToken, "An application was given a token of its own, which stands for no person; data names the scopes."},
		{EventUserCreated, "A person was created, by sign-up or by an application."},
		{EventUserChanged, "A person's profile or other data were changed; data names the fields."},
		{EventUserDisabled, "A person was disabled; their sessions ended."},
		{EventUserEnabled, "A person was enabled again."},
		{EventUserLocked, "A person's password works no more after too many wrong tries in a row, until they choose a new one by mail or the lockout is lifted."},
		{EventUserUnlocked, "A person's lockout was lifted."},
		{EventUserDeleted, "A person was deleted; their sessions ended."},
		{EventEmailVerified, "A person proved their mailbox."},
		{EventPasswordChanged, "A person changed their password, knowing the old one."},
		{EventPasswordReset, "A person chose a new password after proving their mailbox."},
		{EventPasswordExpired, "A person's password was declared due for a change: they choose a new one at their next sign-in."},
		{EventPasswordRefused, "A password was wrong, or the person was locked out; reason says which. Of the tries during one lockout, the first is told."},
		{EventPasskeyCopied, "A passkey has counted backwards, so that there may be a copy of it; it was refused. Data names the authenticator."},
		{EventFactorAdded, "A person enrolled a way to prove who they are; data names the kind, which factor it is, and the provider whose word it is."},
		{EventDeviceRemembered, "A person had the browser remembered from which they gave a second factor; data says until when."},
		{EventFactorRemoved, "A way in which a person proved who they are was taken from them; data names the kind."},
		{EventRecoveryMade, "A person was given recovery codes, in place of any before."},
		{EventRecoveryUsed, "A person proved their second factor by one of their recovery codes; data says how many are left."},
		{EventBudgetSpent, "A budget was used up, and more is refused for a while; data names the budget. Told once each time, not for each refusal."},
		{EventFlowRefused, "An answer in a flow was refused; reason says why."},
		{EventOneTimeProved, "A one-time flow was completed: somebody gave what its application asked for."},
		{EventSignedIn, "A session was started."},
		{EventRefreshed, "A session was carried on with a refresh token."},
		{EventRefreshReused, "A spent refresh token was used again; its session ended."},
		{EventSignedOut, "A session was ended, or all that a person had; reason says why."},
		{EventInvitationCreated, "Somebody was invited to sign up."},
		{EventInvitationDeleted, "An invitation was taken back."},
		{EventInvitationAccepted, "Somebody who was invited signed up; data names the person."},
		{EventAgreementCreated, "An agreement was written; data names its kind."},
		{EventAgreementChanged, "The name or the text of an agreement was changed; data names the fields."},
		{EventAgreementPublished, "An agreement became the active one of its kind, in place of the one before."},
		{EventAgreementWithdrawn, "An agreement that was active is so no more, without another in its place."},
		{EventAgreementDeleted, "An agreement was deleted."},
		{EventAgreementAccepted, "A person accepted an agreement; data names its id, its kind and the version that was shown."},
		{EventConsentGiven, "A person let an application have what it asked for; data names the application and the scopes."},
		{EventConsentRefused, "A person did not let an application have something that it asked for, or all of it; data names the application and the scopes."},
		{EventDeviceClaimed, "Somebody typed in the code of a device, and began to sign in for it; data names the application and the flow."},
		{EventDeviceApproved, "A person signed in for a device, which gets tokens; data names the application and the flow."},
		{EventDeviceRefused, "Somebody typed in the code of a device, and said that it was not they who began; data names the application."},
		{EventGroupCreated, "A group of people was made."},
		{EventGroupChanged, "A group's name or other data were changed; data names the fields."},
		{EventGroupDeleted, "A group was deleted; nobody is in it any more."},
		{EventGroupJoined, "A person was put in a group; data names the group."},
		{EventGroupLeft, "A person was taken out of a group; data names the group."},
		{EventImportStarted, "People began to be brought over from elsewhere."},
		{EventImportEnded, "An import has ended; data has its status, and how many people came, were no people, and were there already. Who came has no event of their own, and bears the import's id."},
		{EventMailQueued, "A mail was put in line to be sent; data names the template."},
		{EventMailSent, "A mail was handed to the mail server."},
		{EventMailDropped, "A mail was given up; reason says why."},
		{EventTextQueued, "A text message was put in line to be sent; data names the template."},
		{EventTextSent, "A text message was handed to the pool's sender."},
		{EventTextDropped, "A text message was given up; reason says why."},
		{EventLogoutQueued, "An application is to be told that a session ended which it was given; data names the application and the session."},
		{EventLogoutSent, "An application was told of a logout, and took it."},
		{EventLogoutDropped, "An application could not be told of a logout; reason says why."},
		{EventRiskNoticed, "A rule about where somebody comes from applied to a sign-up or sign-in, and a second factor was asked for or nothing was done; reason names what decided, data what came of it and the rules that applied. Refusals are told as flow.refused. `gatehouse risk show` has the details, by the request's id."},
		{EventRefusalsCounted, "There were more refusals in an hour than are told one by one; data says how many of each were only counted since the last such event."},
	}
}
