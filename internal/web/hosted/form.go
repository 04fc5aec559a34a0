package hosted

import (
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// form is what was sent or asked for: each name once.
type form map[string]string

// only returns [core.CodeInvalid] if the form has another field than these. A
// name that ends with a dot stands for all that begin with it.
func (f form) only(names ...string) error {
	for name := range f {
		known := slices.ContainsFunc(names, func(n string) bool {
			return n == name || strings.HasSuffix(n, ".") && strings.HasPrefix(name, n)
		})
		if !known {
			return core.Fail(core.CodeInvalid, "The form has a field that is not known here.")
		}
	}
	return nil
}
