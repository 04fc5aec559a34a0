package secret

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/bits"
)

// firebaseHash is a hash of Firebase's changed scrypt: what scrypt makes of the
// password is no hash but a key, under which the project's signer key is
// encrypted.
type firebaseHash struct {
	scryptCost
	separator, signer []byte
	salt, key         []byte
}

func firebaseValue(p ForeignParams, value string, salt []byte) (foreign, error) {
	if p.SaltEncoding == "" {
		// An export writes it in base64 like all else.
		var err error
		if salt, err = saltOf(string(salt), "base64"); err != nil {
			return nil, err
		}
	}
	signer, ok := unb64(p.SignerKey)
	if !ok || len(signer) == 0 {
		return nil, errors.New("the signer key is missing or not base64; it stands in the project's settings")
	}
	separator, ok := unb64(p.SaltSeparator)
	if !ok {
		return nil, errors.New("the salt separator is not base64")
	}
	key, ok := bytesOf(value, len(signer))
	if !ok {
		return nil, errors.New("the password hash is not as long as the signer key, as those of Firebase are")
	}
	// Every project has 8 rounds and a mem_cost of 14 unless it says otherwise.
	cost := scryptCost{ln: cmp.Or(p.CostFactor, p.Memory, 14), r: cmp.Or(p.Iterations, p.BlockSize, 8), p: 1}
	if cost.ln > 31 { // written as N, not as its logarithm
		if bits.OnesCount(uint(cost.ln)) != 1 {
			return nil, errors.New("the cost factor of scrypt is not a power of two")
		}
		cost.ln = bits.Len(uint(cost.ln)) - 1
	}
	return firebaseHash{scryptCost: cost, separator: separator, signer: signer, salt: salt, key: key}, nil
}

func firebasePHC(text string) (foreign, error) {
	p, err := readPHC(text)
	if err != nil {
		return nil, err
	}
	h := firebaseHash{scryptCost: scryptCost{p.number("ln"), p.number("r"), 1}, salt: p.salt, key: p.key}
	var ok bool
	if h.separator, ok = unb64(p.params["sep"]); !ok {
		return nil, errPHC
	}
	if h.signer, ok = unb64(p.params["key"]); !ok || len(h.signer) != len(h.key) {
		return nil, errPHC
	}
	return h, p.only("ln", "r", "sep", "key")
}

func (h firebaseHash) String() string {
	return fmt.Sprintf("$firebase-scrypt$ln=%d,r=%d,sep=%s,key=%s$%s$%s", h.ln, h.r, b64(h.separator), b64(h.signer), b64(h.salt), b64(h.key))
}

func (h firebaseHash) check() error {
	return within(h, h.scryptCost.check(), checkSalt(h.salt), checkSalt(h.separator), checkKey(h.key))
}

func (h firebaseHash) matches(password string) (bool, error) {
	derived, err := h.scryptCost.key(password, bytes.Join([][]byte{h.salt, h.separator}, nil), 32)
	if err != nil {
		return false, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return false, err
	}
	sealed := make([]byte, len(h.signer))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(sealed, h.signer)
	return subtle.ConstantTimeCompare(sealed, h.key) == 1, nil
}
