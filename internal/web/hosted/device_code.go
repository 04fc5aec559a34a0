package hosted

import (
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// DevicePath is where people type in the code that a device shows, at the hosts
// of a pool and under /p/{pool}.
const DevicePath = "/device"

// connect is the page on which somebody types in what their device shows, and
// the one that asks whether it is theirs.
type connect struct {
	Action string
	Code   string
	Client string // the name of the application; empty before it is known
	Alert  string
	Notice string
}

// showDevice asks for the code that a device shows. One that a link brings is
// filled in and no more: whoever sent the link may not be who follows it.
func (p *Pages) showDevice(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "user_code", "notice")
	if err != nil {
		return err
	}
	p.askForCode(w, v, connect{Code: typed(q["user_code"]), Notice: notices()[notice(q["notice"])]}, nil)
	return nil
}

// askForCode shows the form for a code, again if that was refused.
func (p *Pages) askForCode(w http.ResponseWriter, v *visit, c connect, refused error) {
	page := view{name: "device", Wrong: refused != nil}
	if refused != nil {
		page.status = http.StatusBadRequest
		c.Alert = "No device waits with this code. It may be misspelt, was used already, or is too old. Look at your device, or begin there again."
	}
	c.Action = v.base + DevicePath
	page.Data = c
	p.render(w, v, page)
}

// typed is what is filled in of a code: as it is spelled, or what was typed.
func typed(text string) string {
	if code := core.ReadUserCode(text); code != "" {
		return core.SpellUserCode(code)
	}
	return text[:min(len(text), maxUserCode)]
}

// maxUserCode is how much of what is no code is filled in, in bytes.
const maxUserCode = 32

// What the form of a device does.
const (
	deviceGoOn   = "go_on"
	deviceRefuse = "refuse"
)

// connectDevice takes the code that a device shows: it asks whether the device is
// theirs, begins to sign in for it, or refuses it.
func (p *Pages) connectDevice(w http.ResponseWriter, v *visit) error {
	if err := v.form.only("user_code", "action"); err != nil {
		return err
	}
	ctx, code := v.r.Context(), v.form["user_code"]
	var err error
	switch v.form["action"] {
	case "":
		var app core.Application
		if app, err = p.Flows.LookDevice(ctx, v.caller, code); err == nil {
			p.render(w, v, view{name: "device_found", Data: connect{Action: v.base + DevicePath, Code: typed(code), Client: app.Name}})
		}
	case deviceGoOn:
		err = p.begin(w, v, flow.Start{Types: []core.FlowType{core.FlowSignin}, UserCode: code, Concealed: true, Device: p.kept(v.r)}, "", "")
	case deviceRefuse:
		if err = p.Flows.RefuseDevice(ctx, v.caller, code); err == nil {
			web.See(w, v.base+deviceRefusedPath)
		}
	default:
		return core.Fail(core.CodeInvalid, "There is no such action.")
	}
	if core.Is(err, core.CodeTicketInvalid) {
		p.askForCode(w, v, connect{Code: typed(code)}, err)
		return nil
	}
	if core.Is(err, core.CodeTooMany) {
		v.onward = onward{v.base + DevicePath, "Go back"}
	}
	return err
}

// Where people come for whom a device waited.
const (
	deviceAgainPath   = DevicePath + "/again"
	deviceDonePath    = DevicePath + "/done"
	deviceRefusedPath = DevicePath + "/refused"
)

// againForDevice begins to sign in once more for the device of a flow of this
// browser, with another type or as somebody else.
func (p *Pages) againForDevice(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "flow", "screen", "email")
	if err != nil {
		return err
	}
	start := flow.Start{Types: []core.FlowType{core.FlowSignin}, InPlaceOf: core.FlowID(q["flow"]), Concealed: true, Device: p.kept(v.r)}
	if q["screen"] == string(core.FlowSignup) && v.pool.Settings.SignupPossible() {
		start.Types = []core.FlowType{core.FlowSignup}
	}
	if _, err := p.state(v, start.InPlaceOf); err != nil {
		return err
	}
	err = p.begin(w, v, start, q["email"], "")
	if core.Is(err, core.CodeTicketInvalid) {
		web.See(w, v.lateForDevice())
		return nil
	}
	return err
}

// lateForDevice is where people come whose device does not wait any more.
func (v *visit) lateForDevice() string {
	return web.WithQuery(v.base+DevicePath, "notice", string(noticeLate))
}

// deviceAgain is where a flow for a device is begun once more.
func (v *visit) deviceAgain(id core.FlowID, t core.FlowType, email string) string {
	pairs := []string{"flow", string(id)}
	if t == core.FlowSignup {
		pairs = append(pairs, "screen", string(t))
	}
	if email != "" {
		pairs = append(pairs, "email", email)
	}
	return web.WithQuery(v.base+deviceAgainPath, pairs...)
}

// forDevice reports whether a device waits for a flow.
func forDevice(s flow.State) bool { return s.OAuth != nil && s.OAuth.Device != nil }

// deviceDone is where a flow ends for which a device waits.
func (p *Pages) deviceDone(w http.ResponseWriter, v *visit) error {
	p.render(w, v, view{name: "plain", Data: plain{Heading: "You are signed in on your device", Text: "You can close this window and go back to your device. It goes on by itself within moments."}})
	return nil
}

// deviceRefused is where people come who did not let a device in.
func (p *Pages) deviceRefused(w http.ResponseWriter, v *visit) error {
	p.render(w, v, view{name: "plain", Data: plain{Heading: "Nobody was signed in", Text: "The device was told so, and its code works no more. You can close this window."}})
	return nil
}
