package resolve

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// FuzzReply: whatever a name server answers over TCP, it is read or refused, and soon.
func FuzzReply(f *testing.F) {
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{Response: true, Authoritative: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("a.test."), Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{
			{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("a.test."), Class: dnsmessage.ClassINET}, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("a.test.")}},
			{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("a.test."), Class: dnsmessage.ClassINET}, Body: &dnsmessage.TXTResource{TXT: []string{"\x1b[2J"}}},
		},
	}
	wire, err := query.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire[2:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, reply []byte) {
		if len(reply) > 60000 {
			t.Skip()
		}
		begun := time.Now()
		c := &Client{Servers: []string{"192.0.2.1:53"}, Timeout: 5 * time.Second, Dial: saying(reply)}
		m, err := c.trip(t.Context(), "tcp", "192.0.2.1:53", dnsmessage.Message{Questions: query.Questions})
		if err == nil {
			r := Reply{Code: m.RCode, Answers: m.Answers, Authorities: m.Authorities}
			_, _, _, _, _ = r.Word(), Aliases(r, "a.test"), Texts(r, "a.test"), Addresses(r), serversOf(r, "a.test")
		}
		if time.Since(begun) > 4*time.Second {
			t.Errorf("it does not end: %v", err)
		}
	})
}

// saying is a network in which a server answers a question with its number and these bytes.
func saying(reply []byte) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			var asked [4]byte // its length and its number
			if _, err := io.ReadFull(theirs, asked[:]); err != nil {
				return
			}
			_, _ = io.CopyN(io.Discard, theirs, int64(binary.BigEndian.Uint16(asked[:]))-2)
			answer := binary.BigEndian.AppendUint16(nil, uint16(len(reply)+2)) //nolint:gosec // it is short
			_, _ = theirs.Write(append(append(answer, asked[2:]...), reply...))
		}()
		return ours, nil
	}
}
