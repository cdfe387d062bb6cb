package record

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// patience is for what has to come.
const patience = 20 * time.Second

// peer is a client in TLS whose bytes are seen as they are sent.
type peer struct {
	*tls.Conn
	sent *tap
}

// tap keeps what is written once it is asked to, instead of sending it.
type tap struct {
	net.Conn
	holding bool
	held    []byte
	in      io.Reader // instead of the network's
}

func (p *tap) Write(b []byte) (int, error) {
	if !p.holding {
		return p.Conn.Write(b)
	}
	p.held = append(p.held, b...)
	return len(b), nil
}

func (p *tap) Read(b []byte) (int, error) {
	if p.in != nil {
		return p.in.Read(b)
	}
	return p.Conn.Read(b)
}

// take returns what was written since.
func (p *peer) take() []byte {
	out := p.sent.held
	p.sent.held = nil
	return out
}

var certificate = func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}()

// versions are those that the sites have.
var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// connect makes a handshake and detaches. With early, the client's first words come with the end of its handshake.
func connect(t *testing.T, version uint16, early string) (*Conn, *peer) {
	t.Helper()
	near, far := loopback(t)
	c := Server(near, &tls.Config{MinVersion: version, MaxVersion: version, Certificates: []tls.Certificate{certificate}})
	sent := &tap{Conn: far}
	client := &peer{tls.Client(sent, &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"}), sent} //nolint:gosec // it is about records
	said := make(chan error, 1)
	go func() {
		_, err := io.WriteString(client, early) // makes the handshake
		said <- err
	}()
	if err := c.TLS().Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-said; err != nil {
		t.Fatal(err)
	}
	sent.holding = true
	return c, client
}

func loopback(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{near, far} {
		_ = c.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { c.Close() })
	}
	return near, far
}

// readAll reads until there is no more for now; into is how much at once.
func readAll(c *Conn, into int) (string, error) {
	var all []byte
	p := make([]byte, into)
	for {
		n, err := c.Read(p)
		all = append(all, p[:n]...)
		if err != nil {
			return string(all), err
		}
	}
}

// conversation is what a client says in three records.
var conversation = []string{"GET / HTTP/1.1\r\n", "Host: a.test\r\n\r\n", strings.Repeat("x", 40)}

func speak(t *testing.T, client *peer) []byte {
	t.Helper()
	for _, words := range conversation {
		if _, err := io.WriteString(client, words); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	return client.take()
}

// TestRecordsAreCutAtEveryByte pins what this package stands on: run it on each new release of Go. Wherever the bytes are
// cut, Read loses nothing and goes on.
func TestRecordsAreCutAtEveryByte(t *testing.T) {
	t.Parallel()
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at, whole := 0, 1; at <= whole; at++ {
				c, client := connect(t, version, "")
				c.Detach()
				bytes := speak(t, client)
				whole = len(bytes)
				got := ""
				for _, part := range [][]byte{bytes[:at], nil, bytes[at:]} {
					c.Give(part)
					words, err := readAll(c, 7)
					got += words
					if err == io.EOF {
						break
					}
					if err != ErrDrained {
						t.Fatalf("cut at %d: %v", at, err)
					}
				}
				if got != strings.Join(conversation, "") {
					t.Fatalf("cut at %d: %q", at, got)
				}
			}
		})
	}
}

// TestRecordsComeByteByByte: the same with a cut behind each of them, and an answer written in between.
func TestRecordsComeByteByByte(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		c, client := connect(t, version, "")
		c.Detach()
		got := ""
		var last error
		for _, b := range speak(t, client) {
			c.Give([]byte{b})
			words, err := readAll(c, 100)
			got, last = got+words, err
			if words != "" {
				if err := c.Write([]byte(words)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got != strings.Join(conversation, "") || last != io.EOF {
			t.Errorf("version %x: %q, %v", version, got, last)
		}
		if echo := heard(t, c, client, len(got)); echo != got {
			t.Errorf("version %x: the client gets %q", version, echo)
		}
	}
}

// heard gives the client what is to be sent, and returns so much of what it reads.
func heard(t *testing.T, c *Conn, client *peer, n int) string {
	t.Helper()
	client.sent.in = bytes.NewReader(bytes.Clone(c.Out()))
	p := make([]byte, n)
	if _, err := io.ReadFull(client, p); err != nil {
		t.Fatal(err)
	}
	c.Sent(len(c.Out()))
	return string(p)
}

// TestSeveralRecordsAtOnce: they are read without anything more from the network, and what is not read yet is kept.
func TestSeveralRecordsAtOnce(t *testing.T) {
	t.Parallel()
	c, client := connect(t, tls.VersionTLS13, "")
	c.Detach()
	said := speak(t, client)
	c.Give(said)
	p := make([]byte, 5)
	n, err := c.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	c.Keep()
	clear(said)
	rest, err := readAll(c, 5)
	if got := string(p[:n]) + rest; got != strings.Join(conversation, "") || err != io.EOF {
		t.Errorf("%q, %v", got, err)
	}
}

// TestFirstWordsMayComeWithTheHandshake: what crypto/tls has read of them already is there after Detach.
func TestFirstWordsMayComeWithTheHandshake(t *testing.T) {
	t.Parallel()
	c, client := connect(t, tls.VersionTLS13, "early")
	under := c.Detach()
	got, err := readAll(c, 100)
	for len(got) < len("early") && err == ErrDrained { // they may be on their way still
		p := make([]byte, 100)
		n, readErr := under.Read(p)
		if readErr != nil {
			t.Fatal(readErr)
		}
		c.Give(p[:n])
		var more string
		more, err = readAll(c, 100)
		got += more
	}
	if got != "early" || err != ErrDrained {
		t.Fatalf("%q, %v", got, err)
	}
	said := speak(t, client)
	c.Give(said)
	if got, err := readAll(c, 100); got != strings.Join(conversation, "") || err != io.EOF {
		t.Errorf("%q, %v", got, err)
	}
}

// TestWritesAreSentInAnyPieces, in room that is given, and given back when all is sent.
func TestWritesAreSentInAnyPieces(t *testing.T) {
	t.Parallel()
	c, client := connect(t, tls.VersionTLS13, "")
	c.Detach()
	want := strings.Repeat("0123456789", 5000)
	room := make([]byte, 0, 1<<20)
	c.Room(room)
	if err := errors.Join(c.Write([]byte(want[:7])), c.Write([]byte(want[7:]))); err != nil {
		t.Fatal(err)
	}
	var sent []byte
	for i := 0; len(c.Out()) > 0; i++ {
		n := min(1+i, len(c.Out()))
		sent = append(sent, c.Out()[:n]...)
		back := c.Sent(n)
		if i == 3 { // it goes on being written while it is sent
			if err := c.Write([]byte("more")); err != nil {
				t.Fatal(err)
			}
		}
		if given := back != nil; given != (len(c.Out()) == 0) || given && &back[:1][0] != &room[:1][0] {
			t.Fatalf("room of %d is given back while %d are left", cap(back), len(c.Out()))
		}
	}
	client.sent.in = bytes.NewReader(sent)
	got := make([]byte, len(want)+len("more"))
	if _, err := io.ReadFull(client, got); err != nil || string(got) != want+"more" {
		t.Errorf("%d bytes are not what was written: %v", len(got), err)
	}
}

// TestAStreamHoldsLittle: what is sent makes room, even if never all is.
func TestAStreamHoldsLittle(t *testing.T) {
	t.Parallel()
	c, _ := connect(t, tls.VersionTLS13, "")
	c.Detach()
	words := make([]byte, 10_000)
	for range 1000 {
		if err := c.Write(words); err != nil {
			t.Fatal(err)
		}
		if left := len(c.Out()) - 1; c.Sent(left) != nil || len(c.Out()) != 1 {
			t.Fatal("more was sent than there is")
		}
	}
	if most := 10 * len(words); cap(c.wire.room) > most {
		t.Errorf("%d bytes are held for one", cap(c.wire.room))
	}
}

// TestBrokenRecordEndsIt: with an alert for the other side, and an error that is none of those that go by.
func TestBrokenRecordEndsIt(t *testing.T) {
	t.Parallel()
	c, client := connect(t, tls.VersionTLS13, "")
	c.Detach()
	said := speak(t, client)
	said[len(said)/2] ^= 1
	c.Give(said)
	_, err := readAll(c, 100)
	if err == nil || err == ErrDrained || err == io.EOF || len(c.Out()) == 0 {
		t.Errorf("%v, %d bytes to send", err, len(c.Out()))
	}
	if _, again := c.Read(make([]byte, 1)); again == nil || again == ErrDrained {
		t.Errorf("it goes on: %v", again)
	}
}

// TestCutShort: an end that the other side has not announced is none.
func TestCutShort(t *testing.T) {
	t.Parallel()
	c, client := connect(t, tls.VersionTLS13, "")
	c.Detach()
	said := speak(t, client)
	c.Give(said[:len(said)-5])
	c.End()
	if got, err := readAll(c, 100); got != strings.Join(conversation, "") || err != io.ErrUnexpectedEOF {
		t.Errorf("%q, %v", got, err)
	}
}

// TestAttach: somebody who waits takes over in the middle of a record, and of an answer.
func TestAttach(t *testing.T) {
	t.Parallel()
	c, client := connect(t, tls.VersionTLS13, "")
	under := c.Detach()
	said := speak(t, client)
	c.Give(said[:50])
	p := make([]byte, 4)
	n, err := c.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write([]byte("before ")); err != nil {
		t.Fatal(err)
	}
	c.Attach(under)
	_ = client.sent.SetWriteDeadline(time.Now().Add(patience)) // CloseWrite had ended its writing
	if _, err := client.sent.Conn.Write(said[50:]); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(c.TLS())
	if got := string(p[:n]) + string(rest); err != nil || got != strings.Join(conversation, "") {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := io.WriteString(c.TLS(), "after"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len("before after"))
	if _, err := io.ReadFull(client, answer); err != nil || string(answer) != "before after" {
		t.Errorf("the client gets %q, %v", answer, err)
	}
}
