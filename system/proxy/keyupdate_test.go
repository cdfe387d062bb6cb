package proxy

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// records writes the records of a client of TLS 1.3 by hand (RFC 8446 section 5.2), behind a handshake that crypto/tls has
// made: that one never sends a KeyUpdate.
type records struct {
	t      *testing.T
	conn   net.Conn
	secret []byte
	seq    uint64
}

func newRecords(t *testing.T, i *instance) *records {
	t.Helper()
	conn, err := net.Dial("tcp", i.secure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	var keys bytes.Buffer
	client := tls.Client(conn, &tls.Config{RootCAs: i.roots, ServerName: "a.test", MinVersion: tls.VersionTLS13, KeyLogWriter: &keys}) //nolint:gosec // that is the point
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if suite := client.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Fatalf("these records are for AES-128-GCM, not for %s", tls.CipherSuiteName(suite))
	}
	for line := range strings.Lines(keys.String()) {
		if words := strings.Fields(line); words[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(words[2])
			if err != nil {
				t.Fatal(err)
			}
			return &records{t: t, conn: conn, secret: secret}
		}
	}
	t.Fatal("no secret was logged")
	return nil
}

// derive is HKDF-Expand-Label (RFC 8446 section 7.1).
func (r *records) derive(label string, length int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(length))
	info = append(info, byte(len("tls13 "+label)))
	info = append(append(info, "tls13 "+label...), 0)
	out, err := hkdf.Expand(sha256.New, r.secret, string(info), length)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// write sends a record of a kind.
func (r *records) write(kind byte, content []byte) error {
	block, _ := aes.NewCipher(r.derive("key", 16))
	aead, _ := cipher.NewGCM(block)
	nonce := r.derive("iv", 12)
	for n, b := range binary.BigEndian.AppendUint64(nil, r.seq) {
		nonce[4+n] ^= b
	}
	r.seq++
	head := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(content)+1+aead.Overhead()))
	_, err := r.conn.Write(aead.Seal(head, nonce, append(bytes.Clone(content), kind), head))
	return err
}

// update sends a KeyUpdate that asks for one in return.
func (r *records) update() error {
	if err := r.write(22, []byte{24, 0, 0, 1, 1}); err != nil {
		return err
	}
	r.secret, r.seq = r.derive("traffic upd", 32), 0
	return nil
}

// TestKeyUpdates: some are answered, a flood of them ends the connection, as do records with nothing in them.
func TestKeyUpdates(t *testing.T) {
	t.Parallel()
	i := serve(t, Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}})
	r := newRecords(t, i)
	for range 10 {
		if err := r.update(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.write(23, []byte("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(r.conn); err != nil || len(answer) < 500 { // encrypted, but there
		t.Errorf("after ten updates: %d bytes, %v", len(answer), err)
	}
	waitFor(t, func() bool { return len(i.accesses) == 1 })
	if a := <-i.accesses; a.Status != 200 {
		t.Errorf("after ten updates: %d", a.Status)
	}
	for name, one := range map[string]func(r *records) error{
		"updates":       (*records).update,
		"empty records": func(r *records) error { return r.write(23, nil) },
	} {
		r, ended := newRecords(t, i), make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, r.conn)
			ended <- err
			r.conn.Close()
		}()
		for one(r) == nil { //nolint:revive // until that is closed
		}
		if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a flood of %s goes on", name)
		}
	}
	waitFor(t, func() bool { return i.Status().Connections == 0 })
}
