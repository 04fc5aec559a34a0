package core

import "time"

// Logout is the end of a session that was given to an application, which is
// told of it (OpenID Connect Back-Channel Logout 1.0).
type Logout struct {
	ID          MessageID // the same in every try
	Application ApplicationID
	Session     SessionID
	User        UserID
}

// logoutLife is for how long an application is tried that does not answer.
const logoutLife = time.Hour

// The names of a logout's parts in a message's values.
const (
	logoutSession = "session"
	logoutUser    = "user"
)

// Message is the logout on its way out. It holds no secret and no token: that
// is made when it leaves.
func (l Logout) Message(now time.Time) Message {
	return Message{
		ID: l.ID, Channel: ChannelLogout, To: string(l.Application), ExpiresAt: now.Add(logoutLife),
		Values: map[string]string{logoutSession: string(l.Session), logoutUser: string(l.User)},
	}
}

// LogoutOf reads what Message wrote.
func LogoutOf(m Message) Logout {
	return Logout{ID: m.ID, Application: ApplicationID(m.To), Session: SessionID(m.Values[logoutSession]), User: UserID(m.Values[logoutUser])}
}
