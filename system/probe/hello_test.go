package probe

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// helloOf is a ServerHello record of TLS 1.2 with this suite and these extensions.
func helloOf(suite uint16, extensions []byte) []byte {
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, byte(suite>>8), byte(suite), 0)
	if extensions != nil {
		body = append(body, vector16(extensions)...)
	}
	return record(append([]byte{2, 0, byte(len(body) >> 8), byte(len(body))}, body...))
}

func record(body []byte) []byte {
	return append([]byte{recordHandshake, 3, 3}, vector16(body)...)
}

func TestServerHelloIsReadStrictly(t *testing.T) {
	t.Parallel()
	good := helloOf(0xc02f, nil)
	split := append(record(good[5:9]), record(good[9:])...)
	warning := []byte{recordAlert, 3, 3, 0, 2, 1, alertUnrecognizedName}
	for _, c := range []struct {
		name  string
		raw   []byte
		suite uint16
		err   error
	}{
		{"good", good, 0xc02f, nil},
		{"good with extensions", helloOf(0xc02f, []byte{0, 23, 0, 0}), 0xc02f, nil},
		{"in two records", split, 0xc02f, nil},
		{"after a warning", append(warning, good...), 0xc02f, nil},
		{"warnings without end", bytes.Repeat(warning, 9), 0, errBadHello},
		{"fatal alert", []byte{recordAlert, 3, 3, 0, 2, 2, alertHandshakeFailure}, 0, alertError{alertHandshakeFailure}},
		{"goodbye as a warning", []byte{recordAlert, 3, 3, 0, 2, 1, 0}, 0, alertError{0}},
		{"alert of three bytes", []byte{recordAlert, 3, 3, 0, 3, 2, 40, 0}, 0, errBadHello},
		{"HTTP", []byte("HTTP/1.1 400 Bad Request\r\n"), 0, errNotTLS},
		{"application data first", append([]byte{23, 3, 3}, vector16([]byte("x"))...), 0, errBadHello},
		{"another message", record([]byte{11, 0, 0, 0}), 0, errBadHello},
		{"too long a message", record([]byte{2, 1, 0, 0}), 0, errBadHello},
		{"too long a record", []byte{recordHandshake, 3, 3, 0xff, 0xff}, 0, errBadHello},
		{"empty record", []byte{recordHandshake, 3, 3, 0, 0}, 0, errBadHello},
		{"extensions that are too short", helloOf(0xc02f, []byte{0, 43, 0, 9, 3}), 0xc02f, errBadHello},
		{"bytes after the extensions", record(append([]byte{2, 0, 0, 41}, append(helloOf(1, []byte{})[9:], 7)...)), 1, errBadHello},
		{"compression", func() []byte { b := helloOf(0xc02f, nil); b[len(b)-1] = 1; return b }(), 0xc02f, errBadHello},
		{"cut", good[:20], 0, io.ErrUnexpectedEOF},
		{"nothing", nil, 0, io.EOF},
	} {
		h, err := readServerHello(bytes.NewReader(c.raw))
		if !errors.Is(err, c.err) || c.err == nil && err != nil || h.suite != c.suite {
			t.Errorf("%s: suite %04x, %v; want %04x, %v", c.name, h.suite, err, c.suite, c.err)
		}
	}
}

// TestHelloIsUnderstood has crypto/tls read what we write.
func TestHelloIsUnderstood(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls10, tls11, tls12, tls13} {
		ours, theirs := net.Pipe()
		seen := make(chan *tls.ClientHelloInfo, 1)
		go func() {
			config := &tls.Config{MinVersion: tls.VersionTLS10, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				seen <- h
				return nil, errors.New("enough")
			}}
			_ = tls.Server(theirs, config).Handshake()
			_ = theirs.Close()
		}()
		h := clientHello{version: version, suites: suitesFor(version), groups: allGroups, serverName: siteName}
		go func() { _, _ = ours.Write(h.marshal()); _, _ = io.Copy(io.Discard, ours) }()
		got := <-seen
		if got.ServerName != siteName || got.SupportedVersions[0] != version || len(got.CipherSuites) != len(h.suites) || len(got.SupportedCurves) != len(allGroups) {
			t.Errorf("%s was read as %+v", versionNames[version], got)
		}
		_ = ours.Close()
	}
}

func TestSuites(t *testing.T) {
	t.Parallel()
	seen := map[uint16]string{}
	for _, list := range [][]suite{guidelineSuites, suites13, otherSuites} {
		for _, s := range list {
			if other, twice := seen[s.id]; twice {
				t.Errorf("0x%04x is %s and %s", s.id, other, s.name)
			}
			seen[s.id] = s.name
		}
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if seen[s.ID] == "" {
			t.Errorf("%s is missing", s.Name)
		}
	}
	for name, want := range map[string]bool{
		"ECDHE-RSA-AES128-GCM-SHA256": false, "AES128-SHA": false, "DHE-RSA-AES256-SHA256": false, "CAMELLIA128-SHA": false,
		"RC4-SHA": true, "DES-CBC3-SHA": true, "EXP-RC4-MD5": true, "NULL-SHA256": true, "ADH-AES128-SHA": true, "AECDH-AES256-SHA": true, "ECDHE-RSA-DES-CBC3-SHA": true,
	} {
		if got := (suite{name: name}).broken(); got != want {
			t.Errorf("%s: broken is %t", name, got)
		}
	}
}

func TestCommonAlertsHaveNames(t *testing.T) {
	t.Parallel()
	if got := (alertError{alertUnrecognizedName}).Error(); !strings.Contains(got, "unrecognized_name") {
		t.Error(got)
	}
}

func FuzzServerHello(f *testing.F) {
	f.Add(helloOf(0xc02f, nil))
	f.Add(helloOf(0x1301, []byte{0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 29}))
	f.Add([]byte{recordAlert, 3, 3, 0, 2, 2, 40})
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _ = readServerHello(bytes.NewReader(raw)) // must end, and not panic
		_, _ = firstAlert(raw)
	})
}
