package pangea

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

type flowStart struct {
	common
	Email      string   `json:"email"`
	Username   string   `json:"username"`
	CbURI      string   `json:"cb_uri"`
	FlowTypes  []string `json:"flow_types"`
	Invitation string   `json:"invitation"`
	DeviceID   string   `json:"device_id"`
	SAMLTicket string   `json:"saml_idp_initiated_ticket"`
	ClientID   string   `json:"client_id"`

	OneTimeAuths []oneTimeAuth `json:"one_time_auths"`
}

func (in *flowStart) check(p *problems) {
	p.email("/email", in.Email)
	p.username("/username", in.Username)
	checkOneTime(p, in.OneTimeAuths)
	if len(in.FlowTypes) > 2 {
		p.add(core.ProblemTooLarge, "/flow_types", "There are two flow types.")
		return
	}
	for _, word := range in.FlowTypes {
		if word != string(core.FlowSignup) && word != string(core.FlowSignin) && word != string(core.FlowOneTime) {
			p.add(core.ProblemChoice, "/flow_types", "A flow type is signup, signin or one_time.")
		}
	}
	p.secret("/invitation", in.Invitation, prefixInvite)
	p.secret("/saml_idp_initiated_ticket", in.SAMLTicket, prefixCode)
	p.device(in.DeviceID)
	p.secret("/client_id", in.ClientID, prefixApp)
}

func (f *Face) flowStart(ctx context.Context, caller core.Caller, in flowStart) (any, error) {
	defer f.even(ctx, caller)
	types := make([]core.FlowType, 0, 2)
	for _, word := range in.FlowTypes {
		types = append(types, core.FlowType(word))
	}
	var oauth *core.Authorization
	if in.ClientID != "" {
		oauth = &core.Authorization{Application: ReadClientID(in.ClientID)}
	}
	s, err := f.Flows.Start(ctx, caller, flow.Start{OAuth: oauth, Types: types, Email: in.Email, Username: in.Username, Redirect: in.CbURI, Invitation: read(prefixInvite, in.Invitation), Device: in.DeviceID, OneTime: oneTimeAuths(in.OneTimeAuths), SAML: read(prefixCode, in.SAMLTicket)})
	if core.Is(err, core.CodeTicketInvalid) && in.SAMLTicket == "" {
		err = core.Invalid(core.Problem{Code: core.ProblemNotThere, Pointer: "/invitation", Detail: "There is no such invitation that is still pending."})
	}
	if err != nil {
		return nil, lift(err)
	}
	return flowResult(s), nil
}

// even lets an answer about a flow take as long as every other, where the pool
// conceals who is there.
func (f *Face) even(ctx context.Context, caller core.Caller) {
	if settings, err := f.settings(ctx, caller); err == nil && settings.ConcealAccounts {
		web.Even(ctx, f.Even)
	}
}

// lift moves a problem with an answer's data to where start has the same key.
func lift(err error) error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok {
		return err
	}
	lifted := *e
	lifted.Fields = nil
	for _, problem := range e.Fields {
		problem.Pointer = strings.TrimPrefix(problem.Pointer, "/data")
		lifted.Fields = append(lifted.Fields, problem)
	}
	return &lifted
}

type flowAnswer struct {
	common
	FlowID string         `json:"flow_id"`
	Choice string         `json:"choice"`
	Data   jsontext.Value `json:"data"`
}

func (in *flowAnswer) check(p *problems) {
	if p.required("/flow_id", in.FlowID) {
		p.secret("/flow_id", in.FlowID, prefixFlow)
	}
	if _, known := choiceName(in.Choice); in.Choice != "" && !known {
		p.add(core.ProblemChoice, "/choice", "There is no such choice.")
	}
	switch in.Data.Kind() {
	case '{':
	case 0, 'n':
		p.add(core.ProblemRequired, "/data", "This is required.")
	default:
		p.add(core.ProblemObject, "/data", "This must be an object.")
	}
}

func (f *Face) flowUpdate(ctx context.Context, caller core.Caller, in flowAnswer) (any, error) {
	defer f.even(ctx, caller)
	if in.Choice == "" {
		s, err := f.Flows.State(ctx, caller, flowID(in.FlowID))
		return f.shown(ctx, s, err)
	}
	answer, err := readAnswer(in, answers())
	if err != nil {
		return nil, err
	}
	s, err := f.Flows.Answer(ctx, caller, flowID(in.FlowID), answer)
	return f.shown(ctx, s, err)
}

func (f *Face) flowRestart(ctx context.Context, caller core.Caller, in flowAnswer) (any, error) {
	defer f.even(ctx, caller)
	answer, err := readAnswer(in, restarts())
	if err != nil {
		return nil, err
	}
	s, err := f.Flows.Restart(ctx, caller, flowID(in.FlowID), answer)
	return f.shown(ctx, s, err)
}

// shown is a flow after a step. In a one-time flow it takes as long as every
// other: whether a code leaves says which addresses will do.
func (f *Face) shown(ctx context.Context, s flow.State, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if slices.Contains(s.Types, core.FlowOneTime) {
		web.Even(ctx, f.Even)
	}
	return flowResult(s), nil
}

type flowComplete struct {
	common
	FlowID   string `json:"flow_id"`
	DeviceID string `json:"device_id"`
}

func (in *flowComplete) check(p *problems) {
	if p.required("/flow_id", in.FlowID) {
		p.secret("/flow_id", in.FlowID, prefixFlow)
	}
	p.device(in.DeviceID)
}

func (f *Face) flowComplete(ctx context.Context, caller core.Caller, in flowComplete) (any, error) {
	done, err := f.Flows.CompleteOAuth(ctx, caller, flowID(in.FlowID), flow.Wanted{Device: in.DeviceID})
	if errors.Is(err, flow.ErrOneTime) {
		proved, err := f.Flows.CompleteOneTime(ctx, caller, flowID(in.FlowID))
		if err != nil {
			return nil, err
		}
		return oneTimeResult{oneTimeAuth{AuthType: string(proved.Kind), Email: proved.Email.Text, Phone: proved.Phone}}, nil
	}
	if err != nil {
		return nil, err
	}
	pair := credentials(done.Grant)
	if part := newOAuthPart(done); part.ClientID != "" {
		pair.ActiveToken = pair.ActiveToken.forApplication(done.OAuth.Application, done.Grant.Scopes)
		pair.RefreshToken = pair.RefreshToken.forApplication(done.OAuth.Application, done.Grant.Scopes)
		return completed{pair, part}, nil
	}
	return pair, nil
}
