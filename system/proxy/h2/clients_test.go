package h2

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// withoutTLS is a client of net/http that speaks HTTP/2 without TLS.
func withoutTLS(t testing.TB) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// TestNetHTTP: the client of net/http gets what it asks for, in whatever pieces the server reads.
func TestNetHTTP(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 1000, 1 << 16} {
		at := "http://" + listen(t, usual, most)
		client := withoutTLS(t)
		sizes := []int{0, 1, maxFrame, 100_000, 3 << 20}
		if most == 1 {
			sizes = sizes[:4]
		}
		var all sync.WaitGroup
		for _, n := range sizes {
			all.Go(func() { download(t, client, at, n) })
			all.Go(func() { upload(t, client, at, n) })
			all.Go(func() { echo(t, client, at, n) })
		}
		all.Wait()
	}
}

func download(t *testing.T, client *http.Client, at string, n int) {
	t.Helper()
	response, err := client.Get(at + "/bytes/" + strconv.Itoa(n))
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if got, err := io.Copy(io.Discard, response.Body); err != nil || got != int64(n) || response.ContentLength != got || response.ProtoMajor != 2 {
		t.Errorf("%d of %d bytes (%v)", got, n, err)
	}
}

func upload(t *testing.T, client *http.Client, at string, n int) {
	t.Helper()
	request, _ := http.NewRequest(http.MethodPost, at+"/sum", bytes.NewReader(make([]byte, n)))
	request.Header.Set("Expect", "100-continue")
	response, err := client.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if sum, err := io.ReadAll(response.Body); err != nil || string(sum) != strconv.Itoa(n) {
		t.Errorf("%s of %d bytes have come (%v)", sum, n, err)
	}
}

// echo sends and reads at the same time; the length is not told before.
func echo(t *testing.T, client *http.Client, at string, n int) {
	t.Helper()
	body := make([]byte, n)
	_, _ = rand.Read(body)
	request, _ := http.NewRequest(http.MethodPost, at+"/echo", io.MultiReader(bytes.NewReader(body)))
	response, err := client.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d of %d bytes come back (%v)", len(got), n, err)
	}
}

// TestNetHTTPHeads: fields, trailers, HEAD, refusals and resets, as net/http sees them.
func TestNetHTTPHeads(t *testing.T) {
	t.Parallel()
	at := "http://" + listen(t, usual, 1<<16)
	client := withoutTLS(t)
	request, _ := http.NewRequest(http.MethodGet, at+"/x?y=z", nil)
	long := strings.Repeat("long ", 5000)
	request.Header.Set("X-Long", long)
	request.Header["X-Two"] = []string{"1", "2"}
	request.AddCookie(&http.Cookie{Name: "a", Value: "b"})
	request.AddCookie(&http.Cookie{Name: "c", Value: "d"})
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	h := response.Header
	if string(body) != "hello" || h.Get("X-Path") != "/x?y=z" || "http://"+h.Get("X-Host") != at || h.Get("Cookie") != "a=b; c=d" ||
		len(h["X-Two"]) != 2 || h.Get("X-Long") != strings.TrimSpace(long) {
		t.Errorf("%q, %v", body, h)
	}
	for path, want := range map[string]int{"/refuse": 413, "/host": 200} {
		response, err := client.Post(at+path, "text/plain", strings.NewReader(strings.Repeat("x", 1<<20)))
		if err != nil || response.StatusCode != want {
			t.Errorf("%s: %v (%v)", path, response, err)
			continue
		}
		response.Body.Close()
	}
	if _, err := client.Get(at + "/reset"); err == nil || !strings.Contains(err.Error(), "INTERNAL_ERROR") { //nolint:bodyclose // there is none
		t.Error(err)
	}
	if response, err := client.Head(at + "/host"); err != nil || response.StatusCode != 200 {
		t.Error(err)
	}
	trailed(t, client, at)
}

func trailed(t *testing.T, client *http.Client, at string) {
	t.Helper()
	request, _ := http.NewRequest(http.MethodPost, at+"/echo", io.MultiReader(strings.NewReader("body")))
	request.Trailer = http.Header{"X-Sum": {"4"}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "body" || response.Trailer.Get("X-Sum") != "4" {
		t.Errorf("%q, %v, %v", body, response.Trailer, err)
	}
}

// TestCancelling: a client that takes back what it asked goes on with the rest.
func TestCancelling(t *testing.T) {
	t.Parallel()
	at := "http://" + listen(t, usual, 1<<16)
	client := withoutTLS(t)
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, at+"/bytes/100000000", nil)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.CopyN(io.Discard, response.Body, 100_000)
		cancel()
		response.Body.Close()
	}
	download(t, client, at, 1000)
}

// TestNghttp2: the other library of HTTP/2 that everybody has, by its load generator and its client.
func TestNghttp2(t *testing.T) {
	t.Parallel()
	load := tool(t, "h2load")
	at := "http://" + listen(t, usual, 1<<16)
	for _, args := range [][]string{
		{"-n", "20000", "-c", "10", "-m", "10", at + "/bytes/1024"},
		{"-n", "100", "-c", "4", "-m", "4", at + "/bytes/1048576"},
		{"-n", "1000", "-c", "2", "-m", "400", at + "/bytes/1"},
		{"-n", "1000", "-c", "2", "-m", "90", "-w", "12", "-W", "12", at + "/bytes/20000"},
	} {
		out, err := exec.CommandContext(t.Context(), load, args...).CombinedOutput()
		want := args[1] + " done, " + args[1] + " succeeded, 0 failed, 0 errored"
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("h2load %v: %v\n%s", args, err, out)
		}
	}
	body := strings.Repeat("x", 500_000)
	command := exec.CommandContext(t.Context(), tool(t, "nghttp"), "-d", "-", "--trailer", "x-sum: 5", at+"/echo")
	command.Stdin = strings.NewReader(body)
	if out, err := command.CombinedOutput(); err != nil || string(out) != body {
		t.Errorf("nghttp: %v, %d bytes", err, len(out))
	}
}

// tool is a program of the distribution, which has to be there where CI runs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%v: apt-get install nghttp2-client", err)
	}
	return path
}
