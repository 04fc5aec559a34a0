// Package gates measures whether answers that must tell nobody apart can be
// told apart by their time. It is run by `make gates`, at the real cost of
// passwords and apart from everything else, because it takes many minutes and
// wants a quiet machine.
package gates

import (
	"slices"
	"time"
)

// AUC is the chance that a time drawn from b is longer than one drawn from a,
// with ties as one half: 0.5 where the two cannot be told apart (Mann and
// Whitney's U, divided by the number of pairs).
func AUC(a, b []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(a))
	less := 0.0
	for _, x := range b {
		below, _ := slices.BinarySearch(sorted, x)
		upTo, _ := slices.BinarySearch(sorted, x+1)
		less += float64(below) + float64(upTo-below)/2
	}
	return less / float64(len(a)) / float64(len(b))
}

// Means are the means of n at a time.
func Means(times []time.Duration, n int) []time.Duration {
	var means []time.Duration
	for chunk := range slices.Chunk(times, n) {
		var sum time.Duration
		for _, t := range chunk {
			sum += t
		}
		means = append(means, sum/time.Duration(len(chunk)))
	}
	return means
}
