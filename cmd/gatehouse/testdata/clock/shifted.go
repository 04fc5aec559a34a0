package time

import "syscall"

// Now is the time that a server under test is told, by the file that SHIFT
// names: so many seconds off, or "=" and the Unix second at which the clock
// stands still. The monotonic reading, as on a machine whose clock is set, goes
// on as ever.
func Now() Time {
	t := unshifted()
	path, ok := syscall.Getenv("SHIFT")
	if !ok {
		return t
	}
	file, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	for err == syscall.EINTR {
		file, err = syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	}
	if err != nil {
		panic("SHIFT: " + err.Error())
	}
	var text [32]byte
	n, err := syscall.Read(file, text[:])
	for err == syscall.EINTR {
		n, err = syscall.Read(file, text[:])
	}
	_ = syscall.Close(file)
	if err != nil || n < 1 {
		panic("SHIFT cannot be read")
	}
	var number, sign int64 = 0, 1
	for _, c := range text[:n] {
		switch {
		case c == '-':
			sign = -1
		case '0' <= c && c <= '9':
			number = 10*number + int64(c-'0')
		}
	}
	if text[0] == '=' {
		t.addSec(number - t.unixSec())
		t.wall &^= nsecMask
		return t
	}
	t.addSec(sign * number)
	return t
}
