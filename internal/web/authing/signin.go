package authing

import (
	"context"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// credentials is what a sign-up or sign-in by e-mail address and password
// brings in its one call.
type credentials struct {
	email      string
	ciphertext string
	profile    map[string]string
}

// readCredentials reads what both operations have in common.
func readCredentials(v visit, in arguments) (credentials, error) {
	c := credentials{email: in.text("email"), ciphertext: in.text("password")}
	if c.email == "" {
		return credentials{}, faultBadEmail
	}
	if c.ciphertext == "" {
		return credentials{}, faultNoPassword
	}
	var err error
	c.profile, err = readProfile(v.pool.Settings, in.object("profile"), in.text("params"))
	return c, err
}

// registerByEmail makes somebody new. They are signed in if that is asked for
// and the pool lets them in at once.
func (f *Face) registerByEmail(ctx context.Context, v visit, args arguments) (any, error) {
	defer f.even(ctx, v)
	in := args.arguments("input")
	c, err := readCredentials(v, in)
	if err != nil {
		return nil, err
	}
	s, err := f.walk(ctx, v, c, core.FlowSignup)
	if err != nil {
		return nil, err
	}
	if (in.flag("forceLogin") || in.flag("generateToken")) && s.Phase == core.PhaseCompleted {
		return f.complete(ctx, v, s, true)
	}
	if s.Phase == core.PhaseProfile {
		return nil, faultProfileMissing // nobody came to be yet
	}
	user, err := f.Directory.Get(ctx, v.caller, core.UserRef{Email: c.email})
	if err != nil {
		return nil, err
	}
	shown := newUser(v.pool, user)
	shown.set("newlyCreated", true)
	return shown, nil
}

// loginByEmail signs somebody in, and with autoRegister signs somebody new up.
func (f *Face) loginByEmail(ctx context.Context, v visit, args arguments) (any, error) {
	defer f.even(ctx, v)
	in := args.arguments("input")
	c, err := readCredentials(v, in)
	if err != nil {
		return nil, err
	}
	types := []core.FlowType{core.FlowSignin}
	if in.flag("autoRegister") {
		types = append(types, core.FlowSignup)
	}
	s, err := f.walk(ctx, v, c, types...)
	if err != nil {
		return nil, err
	}
	created := len(s.Types) == 1 && s.Types[0] == core.FlowSignup
	if why := outcome(s.Phase); why != nil {
		return nil, f.sendBefore(ctx, v, s, why)
	}
	if created || len(c.profile) == 0 {
		return f.complete(ctx, v, s, created)
	}
	shown, err := f.complete(ctx, v, s, false)
	if err != nil {
		return nil, err
	}
	return f.keepProfile(ctx, v, shown, c)
}

// even lets an answer take as long as every other, where the pool conceals who
// is there.
func (f *Face) even(ctx context.Context, v visit) {
	if v.pool.Settings.ConcealAccounts {
		web.Even(ctx, f.Even)
	}
}

// walk starts a flow and answers with what came whatever of that it asks for.
// It is the machine's flow: its counters, its rules, its trail.
func (f *Face) walk(ctx context.Context, v visit, c credentials, types ...core.FlowType) (flow.State, error) {
	s, err := f.Flows.Start(ctx, v.caller, flow.Start{Types: types, Email: c.email})
	if err != nil {
		return flow.State{}, err
	}
	prompt, offered := promptOf(s, core.ChoicePassword)
	chosen := offered && prompt.Enrollment
	if !chosen && types[0] == core.FlowSignup {
		return flow.State{}, core.Fail(core.CodeSignupClosed, "")
	}
	password, err := f.password(ctx, v, c.ciphertext, chosen)
	if err != nil {
		return flow.State{}, err
	}
	s, err = f.Flows.Answer(ctx, v.caller, s.ID, flow.Answer{Choice: core.ChoicePassword, Password: password})
	if err == nil && s.Phase == core.PhaseProfile {
		s, err = f.Flows.Answer(ctx, v.caller, s.ID, flow.Answer{Choice: core.ChoiceProfile, Profile: c.profile})
	}
	return s, err
}

func promptOf(s flow.State, choice core.ChoiceName) (flow.Prompt, bool) {
	for _, prompt := range s.Prompts {
		if prompt.Choice == choice {
			return prompt, true
		}
	}
	return flow.Prompt{}, false
}

// password decrypts a password. One that is compared goes on whatever it is:
// what does not decrypt is as good as a wrong one, and costs as much. One that
// is chosen has to come in a ciphertext, and to be text. What was made up for a bad ciphertext is hardly ever
// text, and neither is what another ciphertext decrypts to by chance, about as
// often, so that the refusal does not tell the two apart; see
// [secret.PasswordKeys.Decrypt].
func (f *Face) password(ctx context.Context, v visit, ciphertext string, chosen bool) (secret.Text, error) {
	if !v.pool.Settings.PasswordEncrypted {
		return "", faultEncryptionOff
	}
	keys, err := f.Pools.PasswordKeys(ctx, v.caller)
	if err != nil {
		return "", err
	}
	password, formed := keys.Decrypt(ciphertext)
	if chosen && (!formed || !utf8.ValidString(password.Reveal())) {
		return "", faultNotDecrypted
	}
	return password, nil
}

// sendBefore sends what the flow waits for before the vendor's error says so.
func (f *Face) sendBefore(ctx context.Context, v visit, s flow.State, why error) error {
	if s.Phase != core.PhaseVerifyEmail {
		return why
	}
	if _, err := f.Flows.Answer(ctx, v.caller, s.ID, flow.Answer{Choice: core.ChoiceVerifyEmail}); err != nil {
		return err
	}
	return why
}

// complete ends a flow with a session.
func (f *Face) complete(ctx context.Context, v visit, s flow.State, created bool) (ordered, error) {
	grant, err := f.Flows.CompleteAs(ctx, v.caller, s.ID, flow.Wanted{Form: v.form()})
	if err != nil {
		return nil, err
	}
	// As they are now: this sign-in counts.
	user, err := f.Directory.Get(ctx, v.caller, core.UserRef{ID: grant.User.ID})
	if err != nil {
		return nil, err
	}
	shown := withToken(newUser(v.pool, user), grant.Access.Token, showTime(grant.Access.ExpiresAt))
	shown.set("newlyCreated", created)
	return shown, nil
}

// keepProfile keeps what a person brought of their own profile when they signed
// in.
func (f *Face) keepProfile(ctx context.Context, v visit, shown ordered, c credentials) (any, error) {
	changes := make(map[string]*string, len(c.profile))
	for field, value := range c.profile {
		changes[field] = &value
	}
	id, _ := shown.get("id")
	token, _ := shown.get("token")
	expires, _ := shown.get("tokenExpiredAt")
	person := read[core.UserID](prefixUser, id.(string))
	v.caller.Actor = core.Actor{Kind: core.ActorPerson, ID: string(person)}
	user, err := f.Directory.Change(ctx, v.caller, core.UserRef{ID: person}, directory.UserChange{Profile: changes})
	if err != nil {
		return nil, err
	}
	return withToken(newUser(v.pool, user), token.(string), expires), nil
}
