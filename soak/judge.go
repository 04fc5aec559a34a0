package main

import (
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// growth is how many bytes of memory may be added in an hour, and settling
	// what may be added besides, because a heap settles for a while.
	growth, settling = 1 << 20, 4 << 20
	// certainty is by how many standard errors a slope must be above that: a
	// heap goes up and down with each collection.
	certainty = 3
	// spread is how many files or threads more than at first are no leak:
	// connections to the database and of clients come and go.
	spread = 48
)

// judge says which of the laws the samples break. The first quarter is for
// warming up.
func judge(all []sample) error {
	all = all[len(all)/4:]
	if len(all) < samples/2 {
		return fmt.Errorf("%d samples after the first quarter say nothing", len(all))
	}
	hours, memory := make([]float64, len(all)), make([]float64, len(all))
	for i, s := range all {
		hours[i], memory[i] = s.at.Hours(), float64(s.resident)
	}
	slope, uncertain := line(hours, memory)
	span := hours[len(all)-1] - hours[0]
	fmt.Printf("memory: %+.1f MB/h, give or take %.1f\n", slope/(1<<20), certainty*uncertain/(1<<20))
	third := len(all) / 3
	first, last := all[:third], all[len(all)-third:]
	before, after := mean(first, func(s sample) float64 { return float64(s.p99) }), mean(last, func(s sample) float64 { return float64(s.p99) })
	fmt.Printf("p99 of token checks: %s in the first third, %s in the last (%+.0f %%; aim 10 %%, not judged)\n", short(time.Duration(before)), short(time.Duration(after)), 100*(after/before-1))
	var faults []error
	if slope-certainty*uncertain > growth && slope*span > growth*span+settling {
		faults = append(faults, fmt.Errorf("memory grows by %.1f MB/h", slope/(1<<20)))
	}
	for name, of := range map[string]func(sample) float64{
		"files": func(s sample) float64 { return float64(s.files) }, "threads": func(s sample) float64 { return float64(s.threads) },
	} {
		if a, b := mean(first, of), mean(last, of); b > 1.05*a+spread {
			faults = append(faults, fmt.Errorf("%s grow from %.0f to %.0f", name, a, b))
		}
	}
	return errors.Join(faults...)
}

func mean(of []sample, value func(sample) float64) float64 {
	var sum float64
	for _, s := range of {
		sum += value(s)
	}
	return sum / float64(len(of))
}

// line returns the slope of the straight line through points that leaves the
// least squares, and its standard error.
func line(x, y []float64) (slope, uncertain float64) {
	n := float64(len(x))
	var mx, my float64
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	var xx, xy, rest float64
	for i := range x {
		xx, xy = xx+(x[i]-mx)*(x[i]-mx), xy+(x[i]-mx)*(y[i]-my)
	}
	slope = xy / xx
	for i := range x {
		off := y[i] - my - slope*(x[i]-mx)
		rest += off * off
	}
	return slope, math.Sqrt(rest / (n - 2) / xx)
}
