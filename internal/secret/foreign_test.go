package secret_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

const (
	md5OfABC    = "900150983cd24fb0d6963f7d28e17f72"
	sha1OfABC   = "a9993e364706816aba3e25717850c26c9cd0d89d"
	sha256OfABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	sha512OfABC = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

	bcryptOfUStarU = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

	firebaseSigner = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
	firebaseHash   = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
	firebaseSalt   = "42xEC+ixf3L2lw=="
)

// vector is a hash that others computed, as an import brings it.
type vector struct {
	source   string // who published it, or what computed it
	params   secret.ForeignParams
	value    string
	salt     string
	password string
	stored   string // what it begins with when it is stored
}

func vectors() []vector {
	type params = secret.ForeignParams
	pbkdf2 := func(digest string, iterations, length int, salt string) params {
		return params{Algorithm: "pbkdf2", Digest: digest, Iterations: iterations, KeyLength: length, Salt: salt}
	}
	firebase := params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner, SaltSeparator: "Bw==", Iterations: 8, CostFactor: 14}
	without := params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner, SaltSeparator: "Bw=="}
	asN := params{Algorithm: "firebase-scrypt", SignerKey: firebaseSigner, SaltSeparator: "Bw==", BlockSize: 8, CostFactor: 16384, Salt: firebaseSalt}
	return []vector{
		{"RFC 1321", params{Algorithm: "md5"}, md5OfABC, "", "abc", "$digest-md5$i=1,o=prefix$$"},
		{"RFC 1321, in base64", params{Algorithm: "md5"}, "kAFQmDzST7DWlj99KOF/cg==", "", "abc", "$digest-md5$i=1,o=prefix$$"},
		{"RFC 1321, in the base64 of addresses", params{Algorithm: "md5"}, "kAFQmDzST7DWlj99KOF_cg", "", "abc", "$digest-md5$i=1,o=prefix$$"},
		{"RFC 1321, as Django writes it", params{Algorithm: "md5"}, "md5$ab$" + md5OfABC, "", "c", "$digest-md5$i=1,o=prefix$YWI$"},
		{"hashlib, three times", params{Algorithm: "md5", Iterations: 3}, "8f354f270114bc87029306db6b405e63", "", "abc", "$digest-md5$i=3,o=prefix$$"},
		{"FIPS 180-4, in capitals", params{Algorithm: "sha1"}, strings.ToUpper(sha1OfABC), "", "abc", "$digest-sha1$i=1,o=prefix$$"},
		{"FIPS 180-4, salt of all before", params{Algorithm: "sha1", Salt: "a", SaltOrder: "prefix"}, sha1OfABC, "", "bc", "$digest-sha1$i=1,o=prefix$YQ$"},
		{"FIPS 180-4, as Django writes it", params{Algorithm: "sha1", Salt: "not it", SaltOrder: "suffix"}, "sha1$a$" + sha1OfABC, "", "bc", "$digest-sha1$i=1,o=prefix$YQ$"},
		{"FIPS 180-4, own salt behind", params{Algorithm: "sha256", Salt: "not it", SaltOrder: "suffix"}, sha256OfABC, "c", "ab", "$digest-sha256$i=1,o=suffix$Yw$"},
		{"FIPS 180-4, salt in hexadecimal", params{Algorithm: "sha256", SaltEncoding: "hex"}, sha256OfABC, "6162", "c", "$digest-sha256$i=1,o=prefix$YWI$"},
		{"FIPS 180-4, salt in base64", params{Algorithm: "sha512", SaltEncoding: "base64"}, sha512OfABC, "YWI=", "c", "$digest-sha512$i=1,o=prefix$YWI$"},
		{"FIPS 180-4", params{Algorithm: "sha512"}, sha512OfABC, "", "abc", "$digest-sha512$i=1,o=prefix$$"},
		{"hashlib, a thousand times", params{Algorithm: "sha512", Salt: "salt", SaltOrder: "suffix", Iterations: 1000},
			"6e93c32091c6cfb8fee442a27a5f3de211d76d637499e38c06e964240b69faa1fcb4c03e00a54d20cbc4707b998ffc858a520b0a6325a9b092d60673c504f140", "", "pw", "$digest-sha512$i=1000,o=suffix$c2FsdA$"},

		{"crypt_blowfish", params{Algorithm: "bcrypt"}, bcryptOfUStarU, "", "U*U", "$2a$05$"},
		{"crypt_blowfish", params{Algorithm: "bcrypt"}, strings.Replace(bcryptOfUStarU, "$2a$", "$2y$", 1), "", "U*U", "$2y$05$"},
		{"crypt_blowfish, as Django writes it", params{Algorithm: "bcrypt"}, "bcrypt$" + strings.Replace(bcryptOfUStarU, "$2a$", "$2b$", 1), "", "U*U", "$2b$05$"},

		{"RFC 6070", pbkdf2("sha1", 1, 20, "salt"), "0c60c80f961f0e71f3a9b524af6012062fe037a6", "", "password", "$pbkdf2-sha1$i=1$c2FsdA$"},
		{"RFC 6070", pbkdf2("sha1", 2, 0, "salt"), "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957", "", "password", "$pbkdf2-sha1$i=2$c2FsdA$"},
		{"RFC 6070", pbkdf2("sha1", 4096, 20, ""), "4b007901b765489abead49d926f721d065a429c1", "salt", "password", "$pbkdf2-sha1$i=4096$c2FsdA$"},
		{"RFC 6070", pbkdf2("sha1", 4096, 25, "saltSALTsaltSALTsaltSALTsaltSALTsalt"), "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038", "", "passwordPASSWORDpassword", "$pbkdf2-sha1$i=4096$"},
		{"RFC 6070", pbkdf2("sha1", 4096, 16, "sa\x00lt"), "56fa6aa75548099dcc37d7f03425e0c3", "", "pass\x00word", "$pbkdf2-sha1$i=4096$"},
		{"RFC 7914", pbkdf2("sha256", 1, 64, "salt"), "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783", "", "passwd", "$pbkdf2-sha256$i=1$"},
		{"RFC 7914", pbkdf2("sha256", 80000, 64, "NaCl"), "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d", "", "Password", "$pbkdf2-sha256$i=80000$"},
		{"hashlib", pbkdf2("sha512", 1000, 0, "salt"), "afe6c5530785b6cc6b1c6453384731bd5ee432ee549fd42fb6695779ad8a1c5bf59de69c48f774efc4007d5298f9033c0241d5ab69305e7b64eceeb8d834cfec", "", "password", "$pbkdf2-sha512$i=1000$"},
		{"passlib", params{Algorithm: "pbkdf2"}, "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44", "", "password", "$pbkdf2-sha256$i=6400$+6UI/S+nXIk8jcbdHx3Fhg$"},
		{"RFC 6070, as passlib writes it", params{Algorithm: "pbkdf2"}, "$pbkdf2$4096$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE", "", "password", "$pbkdf2-sha1$i=4096$c2FsdA$"},
		{"RFC 6070, as a PHC string", params{Algorithm: "pbkdf2"}, "$pbkdf2-sha1$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE", "", "password", "$pbkdf2-sha1$i=4096$c2FsdA$"},
		{"hashlib, as Django writes it", params{Algorithm: "pbkdf2"}, "pbkdf2_sha256$10000$seasalt$CWWFdHOWwPnki7HvkcqN9iA2T3KLW1cf2uZ5kvArtVY=", "", "lètmein", "$pbkdf2-sha256$i=10000$"},

		{"the reference implementation", params{Algorithm: "argon2"}, "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "", "password", "$argon2id$v=19$m=65536,t=2,p=1$"},
		{"the reference implementation, bare", params{Algorithm: "argon2", Memory: 65536, Iterations: 2, KeyLength: 32, Salt: "somesalt"}, "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc=", "", "password", "$argon2id$v=19$m=65536,t=2,p=1$"},
		{"the reference implementation, as Django writes it", params{Algorithm: "argon2"}, "argon2$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA", "", "password", "$argon2i$v=19$m=65536,t=2,p=1$"},
		{"golang.org/x/crypto, made with the reference implementation", params{Algorithm: "argon2"}, "$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$hydAX9B8MseNZPVH8kFQ0/LnA6ifmBoZ", "", "password", "$argon2d$v=19$m=64,t=1,p=1$"},

		{"RFC 7914", params{Algorithm: "scrypt", CostFactor: 16, BlockSize: 1, Parallelism: 1, KeyLength: 64}, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906", "", "", "$scrypt$ln=4,r=1,p=1$$"},
		{"RFC 7914", params{Algorithm: "scrypt", CostFactor: 16384, Salt: "SodiumChloride"}, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887", "", "pleaseletmein", "$scrypt$ln=14,r=8,p=1$"},
		{"passlib", params{Algorithm: "scrypt"}, "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E", "", "password", "$scrypt$ln=16,r=8,p=1$"},
		{"hashlib, as Django writes it", params{Algorithm: "scrypt"}, "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==", "", "lètmein", "$scrypt$ln=14,r=8,p=1$"},

		{"Firebase's own", firebase, firebaseHash, firebaseSalt, "user1password", "$firebase-scrypt$ln=14,r=8,sep=Bw,key="},
		{"Firebase's own, with the usual costs", without, firebaseHash, firebaseSalt, "user1password", "$firebase-scrypt$ln=14,r=8,sep=Bw,key="},
		{"Firebase's own, with N in full", asN, firebaseHash, "", "user1password", "$firebase-scrypt$ln=14,r=8,sep=Bw,key="},
	}
}

// encode is for hashes that are taken.
func encode(t testing.TB, v vector) string {
	t.Helper()
	stored, err := secret.EncodeForeign(v.params, v.value, v.salt)
	if err != nil {
		t.Fatalf("law: a hash of %s (%s) is taken; %v", v.params.Algorithm, v.source, err)
	}
	return stored
}

func TestForeignVectors(t *testing.T) {
	slot := slotOf(t, secret.NewHasher(cheap(), pepper("p1")))
	seen := map[string]bool{}
	for _, v := range vectors() {
		seen[v.params.Algorithm] = true
		stored := encode(t, v)
		if !strings.HasPrefix(stored, v.stored) {
			t.Errorf("law: a hash is stored in the spelling of its format; one of %s (%s) begins with %s, not %s", v.params.Algorithm, v.source, stored, v.stored)
		}
		if !verify(t, slot, v.password, stored) {
			t.Errorf("law: what others computed verifies; %s (%s) does not: %s", v.params.Algorithm, v.source, stored)
		}
		if verify(t, slot, v.password+"x", stored) || verify(t, slot, "x"+v.password, stored) {
			t.Errorf("law: another password does not match; with %s (%s) it does", v.params.Algorithm, v.source)
		}
		if again, err := secret.EncodeForeign(secret.ForeignParams{Algorithm: v.params.Algorithm}, stored, ""); err != nil || again != stored {
			t.Errorf("law: what is stored can be brought along again and stays the same; %s became %q (%v)", stored, again, err)
		}
		renewed := slot.Renew(secret.Text(v.password), stored)
		if !strings.HasPrefix(renewed, "$argon2id$v=19$m=64,t=1,p=1,keyid=p1$") || !verify(t, slot, v.password, renewed) || slot.Renew(secret.Text(v.password), renewed) != "" {
			t.Errorf("law: a hash of %s is made anew once, as ours are; it became %q", v.params.Algorithm, renewed)
		}
	}
	for _, name := range secret.ForeignAlgorithms() {
		if !seen[name] {
			t.Errorf("law: every algorithm has a vector; %s has none", name)
		}
	}
}

// Other programs hashed what was typed. Ours is the one that composes accents,
// which begins when the hash is made anew.
func TestForeignPasswordsAreComparedAsTyped(t *testing.T) {
	slot := slotOf(t, secret.NewHasher(cheap(), pepper("p1")))
	composed, decomposed := norm.NFC.String("lètmein"), norm.NFD.String("lètmein")
	i := slices.IndexFunc(vectors(), func(v vector) bool { return v.password == composed })
	stored := encode(t, vectors()[i])
	if !verify(t, slot, composed, stored) || verify(t, slot, decomposed, stored) {
		t.Error("law: with another program's hash a password is compared as it was typed")
	}
	if renewed := slot.Renew(secret.Text(composed), stored); !verify(t, slot, decomposed, renewed) {
		t.Error("law: with a hash of ours accents may be typed either way")
	}
}
