package authn

import "iter"

// Order is the direction of a list.
type Order string

// The directions.
const (
	Ascending  Order = "asc"
	Descending Order = "desc"
)

// every goes through a list from a cursor on, asking for one page after the
// other while the loop goes on. After an error it ends. Each loop over it
// begins at the same place.
func every[E any](from string, page func(last string) (entries []E, next string, err error)) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		for last := from; ; {
			entries, next, err := page(last)
			if err != nil {
				var none E
				yield(none, err)
				return
			}
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			last = next
		}
	}
}
