package dns01

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// tsigKey signs messages (RFC 8945).
type tsigKey struct {
	name      []byte // in wire form
	algorithm []byte // likewise
	hash      func() hash.Hash
	secret    []byte
}

// tsigHashes are the algorithms that are still to be used (RFC 8945 section 6).
var tsigHashes = map[string]func() hash.Hash{"hmac-sha256": sha256.New, "hmac-sha384": sha512.New384, "hmac-sha512": sha512.New}

// newKey is nil where no key is named: some servers trust an address alone.
func newKey(name, secret, algorithm string) (*tsigKey, error) {
	if name == "" && secret == "" {
		return nil, nil
	}
	if name == "" || secret == "" {
		return nil, errors.New("key and secret belong together: one of them is missing")
	}
	if algorithm = resolve.Plain(algorithm); algorithm == "" {
		algorithm = "hmac-sha256"
	}
	sum, ok := tsigHashes[algorithm]
	if !ok {
		return nil, errors.New("algorithm is none of hmac-sha256, hmac-sha384 and hmac-sha512")
	}
	if _, err := dnsmessage.NewName(name); err != nil || strings.Contains("."+strings.TrimSuffix(name, ".")+".", "..") || longLabel(name) {
		return nil, errors.New("key is not the name of one")
	}
	bytes, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return nil, errors.New("secret is not in base64")
	}
	return &tsigKey{wireName(resolve.Plain(name)), wireName(algorithm), sum, bytes}, nil
}

func longLabel(name string) bool {
	const most = 63
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > most {
			return true
		}
	}
	return false
}

// wireName is a name in the form in which it is signed: small letters, never compressed.
func wireName(name string) []byte {
	var wire []byte
	for label := range strings.SplitSeq(name, ".") {
		wire = append(append(wire, byte(len(label))), label...)
	}
	return append(wire, 0)
}

// sign appends the signature as the last record of the message.
func (k *tsigKey) sign(message []byte, now time.Time) []byte {
	const (
		typeTSIG = 250
		classAny = 255
		fudge    = 300
	)
	var when [8]byte
	binary.BigEndian.PutUint64(when[:], uint64(now.Unix())) //nolint:gosec // after 1970
	owner := binary.BigEndian.AppendUint16(append([]byte{}, k.name...), typeTSIG)
	owner = binary.BigEndian.AppendUint16(owner, classAny)
	owner = binary.BigEndian.AppendUint32(owner, 0)

	mac := hmac.New(k.hash, k.secret)
	mac.Write(message)
	mac.Write(k.name)
	mac.Write([]byte{0, classAny, 0, 0, 0, 0})
	mac.Write(k.algorithm)
	mac.Write(when[2:])
	mac.Write([]byte{fudge >> 8, fudge & 0xff, 0, 0, 0, 0}) // no error, no other data
	sum := mac.Sum(nil)

	data := append(append([]byte{}, k.algorithm...), when[2:]...)
	data = binary.BigEndian.AppendUint16(data, fudge)
	data = binary.BigEndian.AppendUint16(data, uint16(len(sum))) //nolint:gosec // at most 64
	data = append(data, sum...)
	data = append(data, message[:2]...) // the id before anybody forwarded it
	data = append(data, 0, 0, 0, 0)

	signed := append(append([]byte{}, message...), owner...)
	signed = binary.BigEndian.AppendUint16(signed, uint16(len(data))) //nolint:gosec // names of at most 255 bytes
	signed = append(signed, data...)
	const additional = 10 // where a header counts the records after the answers
	binary.BigEndian.PutUint16(signed[additional:], binary.BigEndian.Uint16(signed[additional:])+1)
	return signed
}

func randomID() (uint16, error) {
	var id [2]byte
	_, err := rand.Read(id[:])
	return binary.BigEndian.Uint16(id[:]), err
}
