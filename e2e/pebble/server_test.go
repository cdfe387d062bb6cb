package pebbletest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
)

func TestDirectoryIsServed(t *testing.T) {
	t.Parallel()
	s, err := pebbletest.Start(pebbletest.Options{Names: []string{"acme.test"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.DirectoryCA()) || !x509.NewCertPool().AppendCertsFromPEM(s.Roots()) {
		t.Fatal("the certificates are no PEM")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	reply, err := client.Get(s.Directory)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var directory map[string]any
	if err := json.NewDecoder(reply.Body).Decode(&directory); err != nil || directory["newOrder"] == nil {
		t.Errorf("the directory is %v (%v)", directory, err)
	}
	if s.Requests("/dir") != 1 || s.Requests("/other") != 0 {
		t.Error("requests are not counted")
	}
}

func TestDNSAnswersWhatWasSet(t *testing.T) {
	t.Parallel()
	d, err := pebbletest.StartDNS("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, network := range []string{"udp", "tcp"} {
		r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, d.Address)
		}}
		d.Set("a.test", "192.0.2.1", "2001:db8::1")
		d.SetRecord("bad.test", pebbletest.Record{Fail: true})
		got, err := r.LookupHost(t.Context(), "a.test.")
		slices.Sort(got)
		if err != nil || !slices.Equal(got, []string{"192.0.2.1", "2001:db8::1"}) {
			t.Errorf("%s: a.test is %v (%v)", network, got, err)
		}
		var failed *net.DNSError
		if _, err := r.LookupHost(t.Context(), "none.test."); !asDNS(err, &failed) || !failed.IsNotFound {
			t.Errorf("%s: a name that was not set gives %v", network, err)
		}
		if _, err := r.LookupHost(t.Context(), "bad.test."); !asDNS(err, &failed) || failed.IsNotFound {
			t.Errorf("%s: a broken name gives %v", network, err)
		}
	}
	control := httptest.NewRecorder()
	d.ServeHTTP(control, httptest.NewRequest(http.MethodPut, "/dns/b.test", strings.NewReader(`{"addresses":["192.0.2.9"]}`)))
	if control.Code != http.StatusOK {
		t.Fatalf("the control says %d", control.Code)
	}
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, d.Address)
	}}
	if got, err := r.LookupHost(t.Context(), "b.test."); err != nil || !slices.Equal(got, []string{"192.0.2.9"}) {
		t.Errorf("b.test is %v (%v)", got, err)
	}
}

func asDNS(err error, target **net.DNSError) bool {
	d, ok := err.(*net.DNSError)
	*target = d
	return ok
}
