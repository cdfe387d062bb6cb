package probe

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// TLS versions on the wire.
const (
	ssl30 uint16 = 0x0300
	tls10 uint16 = 0x0301
	tls11 uint16 = 0x0302
	tls12 uint16 = 0x0303
	tls13 uint16 = 0x0304
)

// Named groups (IANA "TLS Supported Groups").
const (
	groupP256           uint16 = 0x0017
	groupP384           uint16 = 0x0018
	groupP521           uint16 = 0x0019
	groupX25519         uint16 = 0x001d
	groupX25519MLKEM768 uint16 = 0x11ec
)

// Alerts (RFC 8446 section 6).
const (
	alertHandshakeFailure     = 40
	alertProtocolVersion      = 70
	alertInsufficientSecurity = 71
	alertUnrecognizedName     = 112
	alertCertificateRequired  = 116
	alertNoALPN               = 120
)

// clientHello is a first flight of our own, for what crypto/tls cannot offer: old versions, old suites, one group at a
// time. It is only used to see what the server chooses; the handshake is never finished.
type clientHello struct {
	version    uint16 // the highest that is offered
	suites     []uint16
	groups     []uint16
	serverName string // empty: no SNI
}

// marshal returns the hello as one record. A hello for TLS 1.3 has an empty key share, so that the server answers with
// a HelloRetryRequest that names the group (RFC 8446 section 4.2.8) and nobody computes anything.
func (h clientHello) marshal() []byte {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	body := binary.BigEndian.AppendUint16(nil, min(h.version, tls12))
	body = append(body, random[:]...)
	if h.version == tls13 {
		body = append(body, vector8(random[:])...) // middlebox compatibility, RFC 8446 appendix D.4
	} else {
		body = append(body, 0)
	}
	body = append(body, vector16(uint16s(h.suites))...)
	body = append(body, 1, 0) // no compression
	if h.version != ssl30 {
		body = append(body, vector16(h.extensions())...)
	}
	msg := append([]byte{1, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	return append([]byte{recordHandshake, 3, byte(min(h.version&0xff, 1)), byte(len(msg) >> 8), byte(len(msg))}, msg...)
}

func (h clientHello) extensions() []byte {
	var all []byte
	add := func(id uint16, data []byte) {
		all = binary.BigEndian.AppendUint16(all, id)
		all = append(all, vector16(data)...)
	}
	if h.serverName != "" {
		add(0, vector16(append([]byte{0}, vector16([]byte(h.serverName))...)))
	}
	add(10, vector16(uint16s(h.groups)))
	add(11, vector8([]byte{0})) // uncompressed points
	if h.version >= tls12 {
		add(13, vector16(uint16s(signatureSchemes)))
	}
	if h.version == tls13 {
		add(43, vector8(uint16s([]uint16{tls13})))
		add(51, vector16(nil))
	}
	add(0xff01, []byte{0}) // renegotiation_info, RFC 5746
	return all
}

// signatureSchemes are all that a server might sign with, down to SHA-1.
var signatureSchemes = []uint16{
	0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807, 0x0809, 0x080a, 0x080b,
	0x0303, 0x0301, 0x0402, 0x0302, 0x0203, 0x0201, 0x0202,
}

func uint16s(values []uint16) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

func vector8(b []byte) []byte { return append([]byte{byte(len(b))}, b...) }

func vector16(b []byte) []byte {
	return append([]byte{byte(len(b) >> 8), byte(len(b))}, b...)
}

// serverHello is what a server chose.
type serverHello struct {
	version uint16
	suite   uint16
	group   uint16 // TLS 1.3 only
	retry   bool   // it is a HelloRetryRequest
}

// Record types.
const (
	recordAlert     = 21
	recordHandshake = 22
)

// alertError is a fatal alert of the server.
type alertError struct{ description byte }

func (e alertError) Error() string {
	return fmt.Sprintf("the server refused with alert %d (%s)", e.description, alertName(e.description))
}

func alertName(d byte) string {
	names := map[byte]string{
		0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", alertHandshakeFailure: "handshake_failure",
		42: "bad_certificate", 47: "illegal_parameter", 50: "decode_error", 51: "decrypt_error",
		alertProtocolVersion: "protocol_version", alertInsufficientSecurity: "insufficient_security",
		80: "internal_error", 86: "inappropriate_fallback", 109: "missing_extension", 110: "unsupported_extension",
		alertUnrecognizedName: "unrecognized_name", alertCertificateRequired: "certificate_required",
		alertNoALPN: "no_application_protocol",
	}
	if n, ok := names[d]; ok {
		return n
	}
	return "unknown"
}

// errNotTLS is a reply that is no TLS record.
var errNotTLS = errors.New("the reply is not TLS")

// errBadHello is a reply that is TLS but no proper ServerHello.
var errBadHello = errors.New("the reply is no proper ServerHello")

const (
	maxRecord = 1<<14 + 256 // RFC 5246 section 6.2.3 allows 2048 more than the plaintext; a hello is never compressed
	maxHello  = 1 << 14
	maxAlerts = 4 // warnings before the hello that are passed over
)

// readServerHello reads records until a whole ServerHello or a fatal alert.
func readServerHello(r io.Reader) (serverHello, error) {
	var message []byte
	for alerts := 0; alerts < maxAlerts; {
		kind, body, err := readRecord(r)
		if err != nil {
			return serverHello{}, err
		}
		switch kind {
		case recordAlert:
			if len(body) != 2 {
				return serverHello{}, errBadHello
			}
			if body[0] != 1 || body[1] == 0 {
				return serverHello{}, alertError{body[1]}
			}
			alerts++
		case recordHandshake:
			message = append(message, body...)
			hello, whole, err := parseServerHello(message)
			if whole || err != nil {
				return hello, err
			}
		default:
			return serverHello{}, errBadHello
		}
	}
	return serverHello{}, errBadHello
}

func readRecord(r io.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0] < 20 || head[0] > 24 || head[1] != 3 {
		return 0, nil, errNotTLS
	}
	n := int(binary.BigEndian.Uint16(head[3:]))
	if n == 0 || n > maxRecord {
		return 0, nil, errBadHello
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}

// helloRetryRandom marks a HelloRetryRequest (RFC 8446 section 4.1.3).
var helloRetryRandom = [32]byte{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// parseServerHello reads a handshake message; whole is false while bytes are missing.
func parseServerHello(m []byte) (h serverHello, whole bool, err error) {
	if len(m) < 4 {
		return h, false, nil
	}
	n := int(m[1])<<16 | int(m[2])<<8 | int(m[3])
	if m[0] != 2 || n > maxHello {
		return h, false, errBadHello
	}
	if len(m) < 4+n {
		return h, false, nil
	}
	h, err = parseHelloBody(cursor{b: m[4 : 4+n]})
	return h, err == nil, err
}

func parseHelloBody(c cursor) (serverHello, error) {
	h := serverHello{version: c.uint16()}
	h.retry = [32]byte(c.bytes(32)) == helloRetryRandom
	if session := c.uint8(); session > 32 {
		return h, errBadHello
	} else {
		c.bytes(int(session))
	}
	h.suite = c.uint16()
	if compression := c.uint8(); compression != 0 || c.bad {
		return h, errBadHello
	}
	if len(c.b) == 0 {
		return h, nil // SSL 3.0 and old TLS have no extensions
	}
	extensions := cursor{b: c.bytes(int(c.uint16()))}
	if c.bad || len(c.b) != 0 {
		return h, errBadHello
	}
	for len(extensions.b) > 0 && !extensions.bad {
		h.extension(extensions.uint16(), extensions.bytes(int(extensions.uint16())))
	}
	if extensions.bad {
		return h, errBadHello
	}
	return h, nil
}

// extension takes the two extensions that say what was chosen.
func (h *serverHello) extension(id uint16, data []byte) {
	c := cursor{b: data}
	switch id {
	case 43:
		h.version = c.uint16()
	case 51:
		h.group = c.uint16()
	}
}

// cursor reads from the front of b; past the end it returns zeros and turns bad.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) bytes(n int) []byte {
	if n > len(c.b) {
		c.bad, c.b = true, nil
		return make([]byte, n)
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) uint8() uint8 { return c.bytes(1)[0] }

func (c *cursor) uint16() uint16 { return binary.BigEndian.Uint16(c.bytes(2)) }
