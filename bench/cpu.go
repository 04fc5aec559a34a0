package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc on Linux.
const tick = 10 * time.Millisecond

// cpu returns what a process, and those that it started, have used so far.
func cpu(pid int) (time.Duration, error) {
	own, err := stat(pid)
	if err != nil {
		return 0, err
	}
	total := own.used
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		// A process may end while one looks; its parent counts it then.
		if s, err := stat(child); err == nil && s.parent == pid {
			total += s.used
		}
	}
	return total, nil
}

type process struct {
	parent int
	used   time.Duration
}

// stat reads /proc/PID/stat (proc(5)): the parent is field 4, the times are
// fields 14 to 17.
func stat(pid int) (process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return process{}, fmt.Errorf("cannot read the times of process %d", pid)
	}
	var p process
	if p.parent, err = strconv.Atoi(fields[1]); err != nil {
		return process{}, err
	}
	for _, field := range fields[11:15] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return process{}, err
		}
		p.used += time.Duration(ticks) * tick
	}
	return p, nil
}

// resident returns a process's memory in bytes.
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("cannot read the memory of process %d", pid)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
