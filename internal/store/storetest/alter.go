package storetest

// Alter is for fuzzing what we seal, sign or draw: no fuzzer comes upon any of
// it by itself, so that a target alters what is real. It returns the text with
// something at one place (which wraps around) put in, put in the place of as
// much, or put in the place of all that follows.
func Alter(text string, how byte, at uint16, with string) string {
	place := int(at) % (len(text) + 1)
	head, tail := text[:place], text[place:]
	switch how % 3 {
	case 0:
		return head + with + tail
	case 1:
		return head + with + tail[min(len(with), len(tail)):]
	default:
		return head + with
	}
}
