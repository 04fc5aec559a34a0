package store

import "github.com/gatehouse-id/gatehouse/internal/core"

// over is a session that has just ended.
type over struct {
	session     core.SessionID
	user        core.UserID
	application core.ApplicationID // empty: it was the person's own
}

// tellOf puts the logouts of sessions in line, in the transaction that ended
// them, for those applications that want to be told. Every way in which
// sessions end comes by here, and for people's own sessions it asks nothing.
// An application that was removed is not told: its address is gone with it.
func (tx *Tx) tellOf(sessions []over) error {
	wants := make(map[core.ApplicationID]bool)
	for _, s := range sessions {
		if s.application == "" {
			continue
		}
		told, known := wants[s.application]
		if !known {
			app, err := tx.Application(s.application)
			if err != nil && !core.Is(err, core.CodeNotFound) {
				return err
			}
			told = app.Client.BackchannelLogout != ""
			wants[s.application] = told
		}
		if !told {
			continue
		}
		logout := core.Logout{ID: core.NewMessageID(), Application: s.application, Session: s.session, User: s.user}
		if err := tx.Send(logout.Message(tx.now)); err != nil {
			return err
		}
	}
	return nil
}
