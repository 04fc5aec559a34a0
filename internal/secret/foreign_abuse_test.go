package secret_test

import (
	"encoding/base64"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// allocated is what something takes from the memory, in bytes.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestI20BcryptReadsAllOrNothing holds the passwords that bcrypt itself takes
// for others: of each it is shown that it does.
func TestI20BcryptReadsAllOrNothing(t *testing.T) {
	cost := secret.Cost{Memory: 4 << 10, Passes: 1, Threads: 1}
	h := secret.NewHasher(cost, pepper("p1"))
	slot := slotOf(t, h)
	long, umlauts := strings.Repeat("a", 72), strings.Repeat("ä", 36)
	for _, c := range []struct{ law, set, try string }{
		{"what is behind the 72nd byte counts", long, long + "TOTALLYDIFFERENT"},
		{"the 73rd byte counts", long, long + "b"},
		{"bytes are counted, not letters", umlauts, umlauts + "ä"},
		{"a NUL does not begin a password anew", "abc", "abc\x00abc"},
		{"nor twice", "abc", "abc\x00abc\x00abc"},
		{"an empty password is not made of NULs", "", "\x00\x00"},
	} {
		raw, err := bcrypt.GenerateFromPassword([]byte(c.set), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		if bcrypt.CompareHashAndPassword(raw, []byte(c.try)) != nil {
			t.Errorf("%s: bcrypt tells %q from %q by itself, so this shows nothing", c.law, c.try, c.set)
		}
		for _, letter := range []string{"a", "b", "y"} {
			stored, err := secret.EncodeForeign(secret.ForeignParams{Algorithm: "bcrypt"}, "$2"+letter+string(raw[3:]), "")
			if err != nil {
				t.Fatalf("law: bcrypt's hashes are taken; %v", err)
			}
			if !verify(t, slot, c.set, stored) {
				t.Errorf("law: the password itself is right; %q is not ($2%s$)", c.set, letter)
			}
			used := allocated(func() {
				if verify(t, slot, c.try, stored) {
					t.Errorf("law: %s; %q is taken for %q ($2%s$)", c.law, c.try, c.set, letter)
				}
			})
			if used < uint64(cost.Memory)<<10*9/10 {
				t.Errorf("law: a password that bcrypt does not read costs as much as others; it took %d bytes", used)
			}
		}
	}
	for _, value := range []string{
		"$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", // reads letters beyond ASCII wrongly
		"$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2c$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	} {
		if stored, err := secret.EncodeForeign(secret.ForeignParams{Algorithm: "bcrypt"}, value, ""); err == nil {
			t.Errorf("law: bcrypt is $2a$, $2b$ and $2y$; %q was taken as %q", value, stored)
		}
		if ok, err := slot.Verify("U*U", value); ok || err == nil {
			t.Errorf("law: bcrypt is $2a$, $2b$ and $2y$; Verify said %t, %v for %q", ok, err, value)
		}
	}
}

// hostile are hashes that must not be computed, as they would be stored and as
// they may come in a file: each by algorithm.
func hostile() map[string][]string {
	raw := func(n int) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }
	salt, key := raw(16), raw(32)
	argon := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt + "$" + key }
	return map[string][]string{
		"bcrypt": {
			strings.Replace(bcryptOfUStarU, "$05$", "$31$", 1), strings.Replace(bcryptOfUStarU, "$05$", "$15$", 1),
			strings.Replace(bcryptOfUStarU, "$05$", "$03$", 1), strings.Replace(bcryptOfUStarU, "$05$", "$99$", 1),
			strings.Replace(bcryptOfUStarU, "$05$", "$-1$", 1), bcryptOfUStarU + "A", bcryptOfUStarU[:59], bcryptOfUStarU[:59] + "é", "$2a$05$",
		},
		"argon2": {
			argon("m=4194304,t=1,p=1"), argon("m=65537,t=1,p=1"), argon("m=65536,t=100,p=1"), argon("m=64,t=4294967295,p=1"), argon("m=64,t=1500001,p=1"),
			argon("m=64,t=1500000,p=1"), argon("m=64,t=1,p=5"), argon("m=64,t=1,p=0"), argon("m=64,t=0,p=1"), argon("m=0,t=1,p=1"), argon("m=-1,t=1,p=1"),
			argon("m=99999999999999999999,t=1,p=1"), argon("m=64,t=1"), argon("m=64,t=1,p=1,data=YQ"), argon("m=64,t=1,p=1,m=64"), argon("m=64,t=1,p=1,keyid=other"),
			"$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + key, "$argon2id$m=64,t=1,p=1$" + salt + "$" + key,
			"$argon2id$v=19$m=64,t=1,p=1$" + raw(7) + "$" + key, "$argon2id$v=19$m=64,t=1,p=1$" + raw(513) + "$" + key,
			"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + raw(15), "$argon2d$v=19$m=64,t=1,p=1$" + salt + "$" + raw(513),
			"$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + key + "$more",
		},
		"pbkdf2": {
			"$pbkdf2-sha256$i=1000000000$" + salt + "$" + key, "$pbkdf2-sha256$i=1500001$" + salt + "$" + key, "$pbkdf2-sha256$i=0$" + salt + "$" + key,
			"$pbkdf2-sha1$i=1500000$" + salt + "$" + raw(512), "$pbkdf2-sha512$i=1$" + salt + "$" + raw(513), "$pbkdf2-sha256$i=1$" + salt + "$" + raw(8),
			"$pbkdf2-md5$i=1000$" + salt + "$" + key, "$pbkdf2-sha256$i=1000,l=16$" + salt + "$" + key, "$pbkdf2-sha256$i=1$" + raw(513) + "$" + key,
		},
		"scrypt": {
			"$scrypt$ln=31,r=8,p=1$" + salt + "$" + key, "$scrypt$ln=18,r=8,p=1$" + salt + "$" + key, "$scrypt$ln=17,r=8,p=4$" + salt + "$" + key,
			"$scrypt$ln=10,r=9,p=1$" + salt + "$" + key, "$scrypt$ln=10,r=8,p=5$" + salt + "$" + key, "$scrypt$ln=0,r=8,p=1$" + salt + "$" + key,
			"$scrypt$ln=-1,r=8,p=1$" + salt + "$" + key, "$scrypt$r=8,p=1$" + salt + "$" + key, "$scrypt$ln=2147483647,r=2147483647,p=2147483647$" + salt + "$" + key,
			"$scrypt$ln=10,r=8,p=1$" + salt + "$" + raw(8), "$scrypt$ln=10,r=8,p=1$" + raw(513) + "$" + key,
		},
		"firebase-scrypt": {
			"$firebase-scrypt$ln=31,r=8,sep=Bw,key=" + key + "$" + salt + "$" + key, "$firebase-scrypt$ln=14,r=9,sep=Bw,key=" + key + "$" + salt + "$" + key,
			"$firebase-scrypt$ln=14,r=8,sep=Bw,key=$" + salt + "$" + key, "$firebase-scrypt$ln=14,r=8,sep=Bw$" + salt + "$" + key,
			"$firebase-scrypt$ln=14,r=8,sep=" + raw(513) + ",key=" + key + "$" + salt + "$" + key, "$firebase-scrypt$ln=14,r=8,sep=Bw,key=" + raw(8) + "$" + salt + "$" + raw(8),
		},
		"md5":    {"$digest-md5$i=1000000000,o=prefix$$" + raw(16), "$digest-md5$i=1500001,o=prefix$$" + raw(16), "$digest-md5$i=0,o=prefix$$" + raw(16), "$digest-md5$i=1,o=middle$$" + raw(16)},
		"sha1":   {"$digest-sha1$i=1000000000,o=prefix$$" + raw(20), "$digest-sha1$i=1,o=prefix$" + raw(513) + "$" + raw(20), "$digest-sha1$i=1$$" + raw(20)},
		"sha256": {"$digest-sha256$i=1000000000,o=suffix$$" + key, "$digest-sha256$i=1,o=prefix$$" + raw(31), "$digest-sha256$i=1,o=prefix$$"},
		"sha512": {"$digest-sha512$i=1000000000,o=suffix$$" + raw(64), "$digest-sha512$i=1,o=prefix$$" + key, "$digest-sha512$i=+1,o=prefix$$" + raw(64)},
	}
}

// TestI21HostileCosts: what asks for more than it may is refused when it comes
// and, if it stands in the table nevertheless, when it is compared, before
// anything is computed.
func TestI21HostileCosts(t *testing.T) {
	slot := slotOf(t, secret.NewHasher(cheap(), pepper("p1")))
	for _, algorithm := range secret.ForeignAlgorithms() {
		if len(hostile()[algorithm]) == 0 {
			t.Errorf("law: hostile hashes of every algorithm are tried; of %s there is none", algorithm)
		}
		for _, bad := range hostile()[algorithm] {
			used := allocated(func() {
				if stored, err := secret.EncodeForeign(secret.ForeignParams{Algorithm: algorithm}, bad, ""); err == nil {
					t.Errorf("law: a hostile hash is refused when it comes; %q was taken as %q", bad, stored)
				} else {
					tells(t, err, bad)
				}
				if ok, err := slot.Verify("", bad); ok || err == nil {
					t.Errorf("law: a hostile hash is an error when it is compared; Verify said %t, %v for %q", ok, err, bad)
				}
			})
			if used > 64<<10 {
				t.Errorf("law: a hostile hash costs nothing; %q took %d bytes", bad, used)
			}
		}
	}
}

// tells fails where a refusal shows a part of what was refused.
func tells(t *testing.T, err error, value string) {
	t.Helper()
	for _, part := range strings.Split(value, "$") {
		if len(part) >= 16 && strings.Contains(err.Error(), part) {
			t.Errorf("law: a refusal tells nothing of the hash; it is %q", err)
		}
	}
}

// TestI21HostileParameters are the same costs where the import says them, and
// whatever else makes a value unreadable.
func TestI21HostileParameters(t *testing.T) {
	type params = secret.ForeignParams
	hash16, hash32 := strings.Repeat("ab", 16), strings.Repeat("ab", 32)
	for _, c := range []struct {
		law    string
		params params
		value  string
		salt   string
	}{
		{"an algorithm is one of nine", params{Algorithm: "crc32"}, hash16, ""},
		{"an algorithm is written as in the list", params{Algorithm: "MD5"}, hash16, ""},
		{"there is an algorithm", params{}, hash16, ""},
		{"there is a hash", params{Algorithm: "md5"}, "", ""},
		{"a hash is not a book", params{Algorithm: "md5"}, strings.Repeat("ab", 4096), ""},
		{"a hash is one of its algorithm", params{Algorithm: "md5"}, bcryptOfUStarU, ""},
		{"a hash is one of its algorithm", params{Algorithm: "sha256"}, "$digest-sha1$i=1,o=prefix$$" + hash16, ""},
		{"a hash with a dollar is a PHC string", params{Algorithm: "md5"}, "$", ""},
		{"the length of a hash is its function's", params{Algorithm: "md5"}, hash32, ""},
		{"the length of a hash is its function's", params{Algorithm: "sha512"}, hash32, ""},
		{"hexadecimal digits go to f", params{Algorithm: "md5"}, strings.Repeat("zz", 16), ""},
		{"base64 is strict", params{Algorithm: "md5"}, "kAFQmDzST7DWlj99KOF/ch==", ""},
		{"lines end outside of a hash", params{Algorithm: "md5"}, "kAFQmDzST7DW\nlj99KOF/cg==", ""},
		{"a salt stands before or behind", params{Algorithm: "md5", SaltOrder: "around"}, hash16, "salt"},
		{"a salt's encoding is known", params{Algorithm: "md5", SaltEncoding: "rot13"}, hash16, "salt"},
		{"a salt is what its encoding says", params{Algorithm: "md5", SaltEncoding: "hex"}, hash16, "salt"},
		{"a salt is what its encoding says", params{Algorithm: "md5", SaltEncoding: "base64"}, hash16, "s@lt"},
		{"a salt is not a book", params{Algorithm: "md5"}, hash16, strings.Repeat("s", 513)},
		{"digests are chained so often at most", params{Algorithm: "md5", Iterations: 1_500_001}, hash16, ""},
		{"digests are chained forwards", params{Algorithm: "md5", Iterations: -1}, hash16, ""},
		{"bcrypt is written in one way", params{Algorithm: "bcrypt"}, hash16, ""},
		{"PBKDF2 says how many iterations", params{Algorithm: "pbkdf2", Digest: "sha256"}, hash32, "salt"},
		{"PBKDF2 has so many iterations at most", params{Algorithm: "pbkdf2", Digest: "sha256", Iterations: 1_500_001}, hash32, "salt"},
		{"PBKDF2 has so many iterations at most", params{Algorithm: "pbkdf2"}, "pbkdf2_sha256$1000000000$salt$" + hash32, ""},
		{"PBKDF2 has a number of iterations", params{Algorithm: "pbkdf2"}, "pbkdf2_sha256$many$salt$" + hash32, ""},
		{"Django's has four parts", params{Algorithm: "pbkdf2"}, "pbkdf2_sha256$1000$" + hash32, ""},
		{"PBKDF2 says its digest", params{Algorithm: "pbkdf2", Iterations: 1000}, hash32, "salt"},
		{"PBKDF2 has no MD5", params{Algorithm: "pbkdf2", Digest: "md5", Iterations: 1000}, hash32, "salt"},
		{"a key has the length that is said", params{Algorithm: "pbkdf2", Digest: "sha256", Iterations: 1000, KeyLength: 64}, hash32, "salt"},
		{"a key has a length", params{Algorithm: "pbkdf2", Digest: "sha256", Iterations: 1000, KeyLength: -1}, hash32, "salt"},
		{"a short key matches anything", params{Algorithm: "pbkdf2", Digest: "sha256", Iterations: 1000}, "abababab", "salt"},
		{"argon2 says its memory", params{Algorithm: "argon2", Iterations: 1}, hash32, "saltsalt"},
		{"argon2 says its iterations", params{Algorithm: "argon2", Memory: 64}, hash32, "saltsalt"},
		{"argon2 has so much memory at most", params{Algorithm: "argon2", Iterations: 1, Memory: 65537}, hash32, "saltsalt"},
		{"argon2 has so many threads at most", params{Algorithm: "argon2", Iterations: 1, Memory: 64, Parallelism: 5}, hash32, "saltsalt"},
		{"memory times iterations is bounded", params{Algorithm: "argon2", Iterations: 1_500_000, Memory: 64}, hash32, "saltsalt"},
		{"argon2 has a salt", params{Algorithm: "argon2", Iterations: 1, Memory: 64}, hash32, ""},
		{"scrypt says its cost factor", params{Algorithm: "scrypt"}, hash32, "salt"},
		{"a cost factor is a power of two", params{Algorithm: "scrypt", CostFactor: 16383}, hash32, "salt"},
		{"a cost factor is positive", params{Algorithm: "scrypt", CostFactor: -16384}, hash32, "salt"},
		{"a cost factor is bounded", params{Algorithm: "scrypt", CostFactor: 1 << 30}, hash32, "salt"},
		{"memory is bounded", params{Algorithm: "scrypt", CostFactor: 1 << 18}, hash32, "salt"},
		{"a block size is bounded", params{Algorithm: "scrypt", CostFactor: 16, BlockSize: 9}, hash32, "salt"},
		{"threads are bounded", params{Algorithm: "scrypt", CostFactor: 16, Parallelism: 5}, hash32, "salt"},
		{"Django's costs are bounded too", params{Algorithm: "scrypt"}, "scrypt$1073741824$salt$8$1$" + hash32, ""},
		{"Django's has six parts", params{Algorithm: "scrypt"}, "scrypt$16384$salt$8$" + hash32, ""},
		{"Django's costs are numbers", params{Algorithm: "scrypt"}, "scrypt$16384$salt$8$one$" + hash32, ""},
		{"Firebase has a signer key", params{Algorithm: "firebase-scrypt"}, firebaseHash, firebaseSalt},
		{"Firebase's signer key is base64", params{Algorithm: "firebase-scrypt", SignerKey: "!"}, firebaseHash, firebaseSalt},
		{"Firebase's separator is base64", params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner, SaltSeparator: "!"}, firebaseHash, firebaseSalt},
		{"Firebase's salt is base64", params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner}, firebaseHash, "!"},
		{"Firebase's hash is as long as its signer key", params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner}, hash32, firebaseSalt},
		{"Firebase's costs are bounded", params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner, CostFactor: 24}, firebaseHash, firebaseSalt},
		{"Firebase's costs are bounded", params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner, CostFactor: 1 << 18}, firebaseHash, firebaseSalt},
		{"Firebase's costs are powers of two", params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner, CostFactor: 16383}, firebaseHash, firebaseSalt},
		{"Firebase's rounds are bounded", params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner, Iterations: 1000}, firebaseHash, firebaseSalt},
	} {
		stored, err := secret.EncodeForeign(c.params, c.value, c.salt)
		if err == nil {
			t.Errorf("law: %s; %+v with %q became %q", c.law, c.params, c.value, stored)
			continue
		}
		tells(t, err, c.value)
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), " ") {
			t.Errorf("law: a refusal is a sentence; it is %q", err)
		}
	}
}

// TestI21WhatIsAllowed is the other side of the bounds: none of them keeps out
// what others usually make.
func TestI21WhatIsAllowed(t *testing.T) {
	type params = secret.ForeignParams
	hash32, hash64 := strings.Repeat("ab", 32), strings.Repeat("ab", 64)
	for _, c := range []struct {
		params params
		value  string
	}{
		{params{Algorithm: "bcrypt"}, strings.Replace(bcryptOfUStarU, "$05$", "$14$", 1)},
		{params{Algorithm: "pbkdf2", Digest: "sha1", Iterations: 1_500_000}, hash32[:40]},
		{params{Algorithm: "pbkdf2", Digest: "sha256", Iterations: 1_500_000}, hash32},
		{params{Algorithm: "pbkdf2", Digest: "sha512", Iterations: 1_500_000}, hash64},
		{params{Algorithm: "pbkdf2", Digest: "sha256", Iterations: 25_000, KeyLength: 512}, strings.Repeat("ab", 512)},
		{params{Algorithm: "argon2", Memory: 65536, Iterations: 3, Parallelism: 4, Salt: "saltsalt"}, hash32},
		{params{Algorithm: "scrypt", CostFactor: 1 << 17}, hash64},
		{params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner, SaltSeparator: "Bw==", Salt: firebaseSalt, Iterations: 8, CostFactor: 14}, firebaseHash},
		{params{Algorithm: "md5", Iterations: 1_500_000}, hash32[:32]},
		{params{Algorithm: "sha512", Iterations: 1_500_000}, hash64},
	} {
		if _, err := secret.EncodeForeign(c.params, c.value, ""); err != nil {
			t.Errorf("law: usual costs are taken; %+v is not: %v", c.params, err)
		}
	}
}

// TestA6CheapHashesCostAsMuch measures work by what argon2 allocates, not by
// time: who has a hash that is compared in a moment costs as much as nobody, and
// who has one that takes half of that gets the other half.
func TestA6CheapHashesCostAsMuch(t *testing.T) {
	cost := secret.Cost{Memory: 16 << 10, Passes: 1, Threads: 1} // 16 MiB, some 15 ms
	h := secret.NewHasher(cost, pepper("p1"))
	slot := slotOf(t, h)
	takes := func(stored string) uint64 {
		counted := h.Evaluated()
		used := allocated(func() { verify(t, slot, "wrong", stored) })
		if n := h.Evaluated() - counted; n != 1 {
			t.Errorf("law: every comparison is one; %d were counted", n)
		}
		return used
	}
	nobody := takes("")
	for _, v := range vectors() {
		switch v.params.Algorithm {
		case "md5", "sha1", "sha256", "sha512":
		default:
			continue
		}
		if used := takes(encode(t, v)); used < nobody*9/10 || used > nobody*11/10 {
			t.Errorf("law: who has a hash of %s costs as much as nobody; %d and %d bytes were used", v.params.Algorithm, used, nobody)
		}
	}
	for _, c := range []struct {
		iterations  int
		least, most uint64 // percent of nobody's memory
	}{{1, 90, 110}, {18_000, 60, 90}, {36_000, 40, 60}, {54_000, 15, 40}, {100_000, 0, 5}} {
		stored := encode(t, vector{params: secret.ForeignParams{Algorithm: "pbkdf2", Digest: "sha256", Iterations: c.iterations, Salt: "salt"}, value: sha256OfABC})
		if used := takes(stored); used < nobody*c.least/100 || used > nobody*c.most/100 {
			t.Errorf("law: what a comparison lacks of ours is made up for; beside %d iterations of PBKDF2 %d bytes were used, and for nobody %d", c.iterations, used, nobody)
		}
	}
	// What fills as much memory as ours needs nothing more.
	if used := takes(encode(t, vector{params: secret.ForeignParams{Algorithm: "argon2", Memory: 16 << 10, Iterations: 1, Salt: "saltsalt"}, value: sha256OfABC})); used > nobody*11/10 {
		t.Errorf("law: a hash as dear as ours costs as much; %d and %d bytes were used", used, nobody)
	}
}
