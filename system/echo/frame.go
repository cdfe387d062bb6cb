package echo

import (
	"encoding/binary"
	"io"
)

// frame is a frame of RFC 6455 section 5.2, its payload unmasked.
type frame struct {
	fin     bool
	op      byte
	payload []byte
}

// readFrame reads a frame from a client, which has to mask it and must not use extension bits.
func readFrame(r io.Reader) (frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{fin: head[0]&0x80 != 0, op: head[0] & 0x0f}
	if head[0]&0x70 != 0 || head[1]&0x80 == 0 {
		return frame{}, &closeError{closeProtocol, "the frame is not masked, or uses an extension"}
	}
	length, err := readLength(r, head[1]&0x7f)
	if err != nil {
		return frame{}, err
	}
	if f.op >= opClose && (length > 125 || !f.fin) {
		return frame{}, &closeError{closeProtocol, "the control frame is fragmented or too long"}
	}
	if length > maxMessage {
		return frame{}, &closeError{closeTooBig, "the message is too long"}
	}
	f.payload, err = readMasked(r, int(length))
	return f, err
}

func readLength(r io.Reader, short byte) (uint64, error) {
	var buf [8]byte
	switch short {
	case 126:
		_, err := io.ReadFull(r, buf[6:])
		return binary.BigEndian.Uint64(buf[:]), err
	case 127:
		_, err := io.ReadFull(r, buf[:])
		return binary.BigEndian.Uint64(buf[:]), err
	}
	return uint64(short), nil
}

func readMasked(r io.Reader, n int) ([]byte, error) {
	var mask [4]byte
	if _, err := io.ReadFull(r, mask[:]); err != nil {
		return nil, err
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return payload, nil
}

// appendFrame appends an unfragmented server frame.
func appendFrame(b []byte, op byte, payload []byte) []byte {
	b = append(b, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}
