package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
)

// PasswordKey is a key pair with which clients encrypt passwords on their way
// here, by PKCS#1 v1.5 (RFC 8017 section 7.2), because that is what they do. It
// serves nothing else: whoever can have messages of their choice decrypted by
// that padding can also sign with the key.
type PasswordKey struct {
	private *rsa.PrivateKey
	reject  []byte // keys what is made up for what does not decrypt
	decoy   []byte // a number below the modulus, decrypted in place of what is none
}

// The sizes of a password key, in bits and in bytes.
const (
	passwordKeyBits = 2048
	passwordKeySize = passwordKeyBits / 8
	// longestPlain is what PKCS#1 v1.5 leaves of the size: two bytes of form,
	// eight of padding at least, one that ends it.
	longestPlain = passwordKeySize - 11
	// strippedZeros is how many zero bytes a ciphertext may lack at its front: a
	// library that JavaScript clients bring along writes it as a number. One
	// ciphertext of 256 lacks one, and one of sixteen millions three.
	strippedZeros = 2
)

// NewPasswordKey makes a key pair. It takes from tenths of a second to seconds.
func NewPasswordKey() (*PasswordKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, passwordKeyBits)
	if err != nil {
		return nil, fmt.Errorf("cannot make a password key: %w", err)
	}
	return newPasswordKey(private), nil
}

// ParsePasswordKey reads what Private gave.
func ParsePasswordKey(der []byte) (*PasswordKey, error) {
	private, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("cannot read a password key: %w", err)
	}
	if private.N.BitLen() != passwordKeyBits {
		return nil, fmt.Errorf("a password key has %d bits in place of %d", private.N.BitLen(), passwordKeyBits)
	}
	return newPasswordKey(private), nil
}

func newPasswordKey(private *rsa.PrivateKey) *PasswordKey {
	seed := sha256.Sum256(private.D.FillBytes(make([]byte, passwordKeySize)))
	k := &PasswordKey{private: private, reject: seed[:]}
	k.decoy = k.stream("decoy", nil, passwordKeySize)
	k.decoy[0] = 0
	return k
}

// Private is the key pair as PKCS#1 DER, to be sealed.
func (k *PasswordKey) Private() []byte { return x509.MarshalPKCS1PrivateKey(k.private) }

// Public is the public half as a SubjectPublicKeyInfo in PEM.
func (k *PasswordKey) Public() string {
	der, err := x509.MarshalPKIXPublicKey(&k.private.PublicKey)
	if err != nil {
		panic(err) // every RSA key has that form
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// PasswordKeys are the key pairs that a ciphertext may be for, the oldest first
// and one at least: while a pool's clients go over from one to the next there
// are two.
type PasswordKeys []*PasswordKey

// Decrypt returns the password in a ciphertext in base64. It never says that
// there is none: where the padding is wrong under every key, and where the text
// is not base64 or of another length, it returns bytes that follow from a key
// and the ciphertext alone and that nobody can foresee (implicit rejection, as
// in draft-irtf-cfrg-rsa-guidance). They are as long as the plaintext of a
// number chosen at random may be, and are text in any encoding about as often,
// so that no rule that is asked about the outcome tells one from the other. What
// follows must treat both alike. Beside the password it reports whether the text
// has the form of a ciphertext at all, which anybody can see without the key.
//
// All of it costs one operation with each private key, whichever fits, which
// Go's library does in constant time up to whether the padding was right; that
// is one branch here, of nanoseconds. Where the padding is right under several,
// the newest counts: once in 100,000 ciphertexts, by chance.
func (r PasswordKeys) Decrypt(text string) (password Text, formed bool) {
	// Strictly, because a ciphertext that had two spellings could be asked
	// about twice; Go's decoder skips line ends even so.
	ciphertext, err := base64.StdEncoding.Strict().DecodeString(text)
	if missing := passwordKeySize - len(ciphertext); err == nil && missing > 0 && missing <= strippedZeros && ciphertext[0] != 0 {
		// It is the same number, and so the same in all that follows.
		ciphertext = append(make([]byte, missing, passwordKeySize), ciphertext...)
	}
	formed = err == nil && len(ciphertext) == passwordKeySize
	if !formed {
		ciphertext = []byte(text)
	}
	// The oldest key makes it up, because what it cannot decrypt must answer the
	// same after a younger one has come. When the oldest goes, what it could
	// decrypt changes its answer too.
	outcome, length := r[0].madeUp(ciphertext)
	for _, k := range r {
		found, n, good := k.try(ciphertext, formed)
		subtle.ConstantTimeCopy(good, outcome, found)
		length = subtle.ConstantTimeSelect(good, n, length)
	}
	return Text(outcome[:length]), formed
}

// try decrypts what has the form of a ciphertext, and does the same work for
// what has not. It returns longestPlain bytes, of which n are the plaintext,
// and 1 if the padding was right, otherwise 0.
func (k *PasswordKey) try(ciphertext []byte, formed bool) (found []byte, n, good int) {
	input := ciphertext
	if !formed {
		input = k.decoy
	}
	// The library calls this function unsafe, for the answer that it gives
	// away. None is given away here.
	plain, err := rsa.DecryptPKCS1v15(nil, k.private, input) //nolint:staticcheck // SA1019: its dangers are dealt with, see above
	found = make([]byte, longestPlain)
	copy(found, plain)
	if err == nil && formed {
		good = 1
	}
	return found, len(plain), good
}

// madeUp is what stands for the plaintext of a ciphertext that has none, in
// longestPlain bytes, and how many of them.
func (k *PasswordKey) madeUp(ciphertext []byte) (message []byte, length int) {
	return k.stream("message", ciphertext, longestPlain), k.length(ciphertext)
}

// length makes up how long a plaintext is, from 0 to longestPlain alike: the
// last of many candidates that is not too long.
func (k *PasswordKey) length(ciphertext []byte) int {
	const candidates = 128
	length := 0
	for _, b := range k.stream("length", ciphertext, candidates) {
		fits := subtle.ConstantTimeLessOrEq(int(b), longestPlain)
		length = subtle.ConstantTimeSelect(fits, int(b), length)
	}
	return length
}

// stream gives n bytes that follow from the key, a purpose and a ciphertext.
func (k *PasswordKey) stream(purpose string, ciphertext []byte, n int) []byte {
	var out []byte
	for i := uint32(0); len(out) < n; i++ {
		h := hmac.New(sha256.New, k.reject)
		h.Write(appendWord(binary.BigEndian.AppendUint32(nil, i), purpose))
		h.Write(ciphertext)
		out = h.Sum(out)
	}
	return out[:n]
}
