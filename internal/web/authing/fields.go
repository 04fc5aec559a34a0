package authing

import "context"

// operation is a root field of the schema that is served.
type operation struct {
	run func(f *Face, ctx context.Context, v visit, args arguments) (any, error)
	// proves: it compares or chooses a credential, so one operation asks for it
	// once.
	proves bool
}

// operations is every root field that is served. All others of the schema
// answer that they are not there yet.
func operations() map[string]operation {
	return map[string]operation{
		"registerByEmail":  {run: (*Face).registerByEmail, proves: true},
		"loginByEmail":     {run: (*Face).loginByEmail, proves: true},
		"checkLoginStatus": {run: (*Face).checkLoginStatus},
		"user":             {run: (*Face).user},
	}
}

// arguments are those of a field, or the fields of one of them. They fit the
// schema, and hold no null: what is null was not given.
type arguments map[string]any

func (a arguments) text(name string) string {
	s, _ := a[name].(string) // not given: empty
	return s
}

func (a arguments) flag(name string) bool {
	b, _ := a[name].(bool) // not given: false
	return b
}

func (a arguments) object(name string) object {
	o, _ := a[name].(map[string]any) // not given: nil
	return o
}

func (a arguments) arguments(name string) arguments { return arguments(a.object(name)) }
