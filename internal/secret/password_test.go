package secret_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// cheap is a cost for tests that are not about cost.
func cheap() secret.Cost { return secret.Cost{Memory: 64, Passes: 1, Threads: 1} }

func pepper(id string) *secret.Peppers {
	return secret.NewPeppers(secret.Pepper{Key: bytes.Repeat([]byte(id[:1]), 32), ID: id})
}

func slotOf(t testing.TB, h *secret.Hasher) *secret.Slot {
	t.Helper()
	slot, err := h.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slot.Release)
	return slot
}

func verify(t testing.TB, slot *secret.Slot, password, phc string) bool {
	t.Helper()
	ok, err := slot.Verify(secret.Text(password), phc)
	if err != nil {
		t.Fatalf("verifying with %s: %v", phc, err)
	}
	return ok
}

// TestI19PasswordLengthAndUnicode is abuse case I19 below the rules: nothing
// of a password is cut, trimmed or ignored, and one text is one password
// however its accents are composed.
func TestI19PasswordLengthAndUnicode(t *testing.T) {
	slot := slotOf(t, secret.NewHasher(cheap(), pepper("p1")))
	long := strings.Repeat("pässwörd-密码🔑 ", 20)[:0]
	for i := 0; len([]rune(long)) < 199; i++ {
		long += string([]rune("äß密🔑 aЖ")[i%7])
	}
	for _, c := range []struct {
		law, set, try string
		same          bool
	}{
		{"200 characters of any script verify", long + "x", long + "x", true},
		{"the last of 200 characters counts", long + "x", long + "y", false},
		{"a missing last character counts", long + "x", long, false},
		{"the 73rd byte counts", strings.Repeat("a", 72) + "b", strings.Repeat("a", 72) + "c", false},
		{"1024 bytes verify", strings.Repeat("a", 1024), strings.Repeat("a", 1024), true},
		{"the 1024th byte counts", strings.Repeat("a", 1023) + "b", strings.Repeat("a", 1023) + "c", false},
		{"spaces around are kept", " pass word ", "pass word", false},
		{"spaces inside are kept", "pass  word", "pass word", false},
		{"spaces verify", " pass  word ", " pass  word ", true},
		{"case counts", "Password", "password", false},
		{"NUL does not end a password", "pass\x00word", "pass\x00other", false},
		{"NFC and NFD are one password", norm.NFC.String("Ångström-pässwörd"), norm.NFD.String("Ångström-pässwörd"), true},
		{"compatibility forms stay apart", "ﬁne-password", "fine-password", false},
		{"full-width stays apart", "ｐａｓｓword", "password", false},
		{"an empty password is one too", "", "", true},
		{"and no other", "", " ", false},
	} {
		if got := verify(t, slot, c.try, slot.Hash(secret.Text(c.set))); got != c.same {
			t.Errorf("law: %s; Verify said %t", c.law, got)
		}
	}
	if a, b := slot.Hash("same"), slot.Hash("same"); a == b {
		t.Errorf("law: a password hashed twice has two salts; both times it was %s", a)
	}
}

// phc writes a PHC string of a password without a pepper, as another program
// would.
func phc(password string, cost secret.Cost, salt []byte, length uint32) string {
	key := argon2.IDKey([]byte(password), salt, cost.Passes, cost.Memory, cost.Threads, length)
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", cost.Memory, cost.Passes, cost.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

func TestHashesOfOtherProgramsVerify(t *testing.T) {
	slot := slotOf(t, secret.NewHasher(cheap(), pepper("p1")))
	salt := []byte("0123456789abcdef")
	for _, cost := range []secret.Cost{cheap(), {Memory: 256, Passes: 3, Threads: 4}} {
		for _, length := range []uint32{16, 32, 64} {
			stored := phc("brought along", cost, salt, length)
			if !verify(t, slot, "brought along", stored) || verify(t, slot, "brought alone", stored) {
				t.Errorf("law: a hash without a pepper verifies its own password and no other; %s does not", stored)
			}
		}
	}
	// A vector made with the reference implementation.
	const reference = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7"
	if !verify(t, slot, "password", reference) {
		t.Error("law: a hash of the reference implementation verifies")
	}
}

// TestBrokenHashIsAnError holds hashes that must not be computed: each asks
// for more than any hash made here, or is not a hash. Those of other programs are
// in TestI21HostileCosts.
func TestBrokenHashIsAnError(t *testing.T) {
	slot := slotOf(t, secret.NewHasher(cheap(), pepper("p1")))
	salt, key := base64.RawStdEncoding.EncodeToString(make([]byte, 16)), base64.RawStdEncoding.EncodeToString(make([]byte, 32))
	with := func(algorithm, version, params, salt, key string) string {
		return "$" + algorithm + "$" + version + "$" + params + "$" + salt + "$" + key
	}
	for _, bad := range []string{
		with("argon2id", "v=19", "m=4294967295,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=262145,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=4294967295,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=17,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=1,p=17,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=1,p=256,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=1,p=0,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=0,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=0,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=-1,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=99999999999999999999,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=1,p=1,data=YQ,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=1,p=1x,keyid=p1", salt, key),
		with("argon2id", "v=19", "m= 64,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=064,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "t=1,m=64,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "", salt, key),
		with("argon2id", "v=16", "m=64,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19x", "m=64,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=", "m=64,t=1,p=1,keyid=p1", salt, key),
		with("argon2i", "v=19", "m=64,t=1,p=1,keyid=p1", salt, key),
		with("argon2d", "v=19", "m=64,t=1,p=1,keyid=p1", salt, key),
		with("scrypt", "v=19", "m=64,t=1,p=1,keyid=p1", salt, key),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=p1", "", key),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=p1", "AAAA", key),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=p1", "!!!!", key),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=p1", salt, ""),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=p1", salt, "AAAA"),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=p1", salt, base64.RawStdEncoding.EncodeToString(make([]byte, 15))),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=p1", salt, base64.RawStdEncoding.EncodeToString(make([]byte, 65))),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=p1", salt, key+"$more"),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=other", salt, key),
		with("argon2id", "v=19", "m=64,t=1,p=1,keyid=", salt, key),
		"x" + with("argon2id", "v=19", "m=64,t=1,p=1,keyid=p1", salt, key),
		"$", "$$$$$", "plain", " ", "\x00",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ok, err := slot.Verify("", bad)
		runtime.ReadMemStats(&after)
		if ok || err == nil {
			t.Errorf("law: a broken or hostile hash is an error; Verify said %t, %v for %q", ok, err, bad)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("law: a hostile hash costs nothing; %q took %d bytes", bad, used)
		}
	}
}

func TestPepperIsPartOfThePassword(t *testing.T) {
	ours, theirs := slotOf(t, secret.NewHasher(cheap(), pepper("a1"))), slotOf(t, secret.NewHasher(cheap(), pepper("b2")))
	stored := ours.Hash("password")
	if !strings.Contains(stored, ",keyid=a1$") {
		t.Fatalf("law: a hash names its pepper; %s does not", stored)
	}
	if ok, err := theirs.Verify("password", stored); ok || err == nil || !strings.Contains(err.Error(), "a1") {
		t.Errorf("law: a hash under another pepper is an error that names it; Verify said %t, %v", ok, err)
	}
	if verify(t, theirs, "password", strings.Replace(stored, "keyid=a1", "keyid=b2", 1)) {
		t.Error("law: a hash verifies under no pepper but its own, whatever it says")
	}
	if verify(t, ours, "password", strings.Replace(stored, ",keyid=a1", "", 1)) {
		t.Error("law: a hash does not verify without its pepper")
	}
	same := secret.NewPeppers(secret.Pepper{Key: pepper("b2").All()[0].Key, ID: "a1"})
	if verify(t, slotOf(t, secret.NewHasher(cheap(), same)), "password", stored) {
		t.Error("law: the pepper's key counts, not its id")
	}
}

// TestNobodyCostsAsMuch measures work by what argon2 allocates, not by time.
func TestNobodyCostsAsMuch(t *testing.T) {
	cost := secret.Cost{Memory: 8 << 10, Passes: 1, Threads: 1} // 8 MiB
	h := secret.NewHasher(cost, pepper("p1"))
	slot := slotOf(t, h)
	stored := slot.Hash("password")
	work := func(password secret.Text, phc string) (bool, uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ok, err := slot.Verify(password, phc)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		return ok, after.TotalAlloc - before.TotalAlloc
	}
	_, somebody := work("wrong", stored)
	for _, password := range []secret.Text{"wrong", "password", ""} {
		counted := h.Evaluated()
		ok, nobody := work(password, "")
		if ok {
			t.Errorf("law: nobody's password never matches; %q did", password.Reveal())
		}
		if nobody < uint64(cost.Memory)<<10 || nobody > somebody*2 || somebody > nobody*2 {
			t.Errorf("law: nobody costs as much as somebody; %d and %d bytes were used", nobody, somebody)
		}
		if h.Evaluated() != counted+1 {
			t.Errorf("law: every comparison is counted; the count went from %d to %d", counted, h.Evaluated())
		}
	}
}

func FuzzVerify(f *testing.F) {
	slot := slotOf(f, secret.NewHasher(cheap(), pepper("p1")))
	const right = "correct horse"
	salt := []byte("0123456789abcdef")
	f.Add(right, slot.Hash(right))
	f.Add(right, phc(right, cheap(), salt, 32))
	f.Add("wrong", phc(right, cheap(), salt, 16))
	f.Add("", "")
	f.Add(right, "$argon2id$v=19$m=64,t=1,p=1,keyid=p1$$")
	f.Add(right, "$argon2id$v=19$m=0,t=0,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add(right, "$argon2id$v=19$m=262144,t=17,p=255$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add(right, "$argon2id$v=19$m=64,t=1,p=1,keyid=p1$\n$\n")
	f.Add(right, strings.Repeat("$", 100))
	for _, stored := range []string{
		"$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$digest-md5$i=3,o=suffix$c2FsdA$kAFQmDzST7DWlj99KOF/cg",
		"$pbkdf2-sha1$i=2$c2FsdA$6mwBTccqtiNiJd5IjtHh7o3olV8",
		"$scrypt$ln=4,r=1,p=1$$d9ZXYjhleyA7GcpCwYoEl/FrSETjB0ro39/6P+3iFEL80Aad7QlI+DJqdToPyB8X6NPg+y4NNijPNeIMONGJBg",
		"$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$hydAX9B8MseNZPVH8kFQ0/LnA6ifmBoZ",
		"$firebase-scrypt$ln=4,r=1,sep=Bw,key=AAAAAAAAAAAAAAAAAAAAAA$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		f.Add(right, stored)
	}
	f.Fuzz(func(t *testing.T, password, stored string) {
		ok, err := slot.Verify(secret.Text(password), stored)
		if ok && (err != nil || stored == "") {
			t.Fatalf("law: an error or an empty hash is never a match; %q with %q was (%v)", password, stored, err)
		}
		if !ok {
			return
		}
		// A match has to survive being written anew, and must notice another
		// password.
		if again, err := slot.Verify(secret.Text(password), stored); !again || err != nil {
			t.Fatalf("law: a match is one every time; %q with %q was not", password, stored)
		}
		if other, err := slot.Verify(secret.Text(password+"x"), stored); other || err != nil {
			t.Fatalf("law: a longer password does not match; %q with %q did", password, stored)
		}
	})
}
