package hosted

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// mailbox is the development server's inbox page.
type mailbox struct {
	To    string // only mails to this address; empty: all
	Mails []deliver.Caught
}

// inbox lists the mails that a development server has caught, newest first.
func (p *Pages) inbox(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "to")
	if err != nil {
		return err
	}
	p.render(w, v, view{name: "inbox", App: "Development inbox", Data: mailbox{q["to"], p.Inbox.List(q["to"])}})
	return nil
}

// inboxJSON lists them for programs.
func (p *Pages) inboxJSON(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "to")
	if err != nil {
		return err
	}
	body, err := json.Marshal(p.Inbox.List(q["to"]))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	// A program that has gone away misses nothing.
	_, _ = w.Write(body)
	return nil
}
