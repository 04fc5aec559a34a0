package core

// Caller is on whose behalf something is done. The store binds it once: every
// query carries its pool, and every event its actor, address and request.
type Caller struct {
	Pool      PoolID
	Actor     Actor
	Address   string // of the client, as the server's proxy rules give it
	Network   string // what budgets count the client by; empty: many share the address, and none is counted by it
	UserAgent string
	Request   RequestID
	Browser   []byte // keyed hash of the cookie that hosted pages know a browser by; nil elsewhere
	Device    string // what a browser brought that somebody signed in from before; empty elsewhere
}

// Actor is who acts.
type Actor struct {
	Kind ActorKind
	ID   string
}

// ActorKind says what sort of thing acts.
type ActorKind string

// The kinds of actor.
const (
	ActorService  ActorKind = "service"  // a server application, by its service key
	ActorClient   ActorKind = "client"   // a browser or device, by the public client key
	ActorPerson   ActorKind = "person"   // a signed-in person
	ActorOperator ActorKind = "operator" // whoever runs the command line
	ActorSystem   ActorKind = "system"   // the server itself
)

// Trusted reports whether the caller is a server or operator that acts for
// people, rather than something in people's hands.
func (c Caller) Trusted() bool {
	return c.Actor.Kind == ActorService || c.Actor.Kind == ActorOperator || c.Actor.Kind == ActorSystem
}
