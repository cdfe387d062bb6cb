package echo

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHandlerEchoesTheRequestByteForByte(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(Handler())
	defer server.Close()
	for _, target := range []string{"/", "/a?b=1", "//x", "/a%2Fb?c=%20", "/.echo/unknown", "/.echo/../x"} {
		request, err := http.NewRequest(http.MethodPut, server.URL, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		request.URL.Opaque = target
		if strings.HasPrefix(target, "//") { // Opaque would be written as an authority
			request.URL.Opaque, request.URL.Path = "", target
		}
		request.Header.Set("X-Probe", "1")
		got := answer(t, request)
		if got.URI != target || got.Method != "PUT" || got.Headers.Get("X-Probe") != "1" || got.Body.Bytes != 5 {
			t.Errorf("%s: answered %+v", target, got)
		}
	}
}

func answer(t *testing.T, request *http.Request) Answer {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got Answer
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatalf("%s: status %d: %v", request.URL, response.StatusCode, err)
	}
	return got
}

func TestHandlerSpecialPaths(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(Handler())
	defer server.Close()
	cases := []struct {
		path   string
		status int
		length int
		body   string
	}{
		{"/.echo/status/418", 418, 0, ""},
		{"/.echo/status/100", 400, -1, ""},
		{"/.echo/bytes/70000", 200, 70000, ""},
		{"/.echo/events?n=2&every=1ms", 200, -1, "data: 0\n\ndata: 1\n\n"},
		{"/.echo/wait/1ms", 200, -1, ""},
		{"/.echo/wait/soon", 400, -1, ""},
	}
	for _, c := range cases {
		response, err := http.Get(server.URL + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != c.status || c.length >= 0 && len(body) != c.length || c.body != "" && string(body) != c.body {
			t.Errorf("%s: status %d, %d bytes, %v", c.path, response.StatusCode, len(body), err)
		}
	}
}
