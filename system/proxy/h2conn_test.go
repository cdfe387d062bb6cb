package proxy

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"testing"

	"golang.org/x/net/http2"
)

// TestHonestCancelling: what browsers take back does not end their connection: some of the requests at once, more when
// others are answered, and any number of answers that have begun.
func TestHonestCancelling(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 1)
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wait":
			reached <- struct{}{}
			<-r.Context().Done()
		case "/endless":
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})
	for _, c := range []struct {
		name, path string
		times      int
		between    string // is answered after each of them
	}{
		{"at once", "/wait", vainRequests, ""},
		{"between others", "/wait", vainRequests + 100, "/"},
		{"in the middle of the answer", "/endless", vainRequests + 100, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
			client, connections := i.client(t, true), 0
			trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
				if !got.Reused {
					connections++
				}
			}}
			for range c.times {
				ctx, cancel := context.WithCancel(httptrace.WithClientTrace(t.Context(), trace))
				if c.path == "/wait" {
					go func() { <-reached; cancel() }()
				}
				request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://a.test"+c.path, nil)
				response, err := client.Do(request)
				if cancel(); err == nil {
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
				if (err == nil) != (c.path == "/endless") {
					t.Fatal(err)
				}
				if c.between != "" {
					get(t, client, "https://a.test"+c.between)
				}
				for len(i.accesses) > 0 {
					<-i.accesses
				}
			}
			if response, _ := get(t, client, "https://a.test/"); response.StatusCode != 200 || connections != 1 || i.Status().Cut[cutResets] != 0 {
				t.Errorf("%d, over %d connections, ended: %v", response.StatusCode, connections, i.Status().Cut)
			}
		})
	}
}

// TestFramesOfHTTP2AreFollowed: in whatever pieces they come.
func TestFramesOfHTTP2AreFollowed(t *testing.T) {
	t.Parallel()
	var stream bytes.Buffer
	w := http2.NewFramer(&stream, nil)
	stream.WriteString(http2.ClientPreface)
	_ = w.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 20})
	_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1<<31 - 1, BlockFragment: block(), EndHeaders: true, EndStream: true})
	_ = w.WriteData(3, false, make([]byte, 70_000))
	_ = w.WriteData(3, true, nil)
	_ = w.WriteRSTStream(3, http2.ErrCodeCancel)
	_ = w.WriteRawFrame(http2.FrameRSTStream, 0, 5, []byte{1, 2, 3})
	_ = w.WritePing(true, [8]byte{9})
	want := []h2Frame{
		{http2.FrameSettings, 0, 0, 6, 0},
		{http2.FrameHeaders, http2.FlagHeadersEndHeaders | http2.FlagHeadersEndStream, 1<<31 - 1, len(block()), 0},
		{http2.FrameData, 0, 3, 70_000, 0},
		{http2.FrameData, http2.FlagDataEndStream, 3, 0, 0},
		{http2.FrameRSTStream, 0, 3, 4, http2.ErrCodeCancel},
		{http2.FrameRSTStream, 0, 5, 3, 0},
		{http2.FramePing, http2.FlagPingAck, 0, 8, 0},
	}
	for _, most := range []int{1, 2, 13, 1000, stream.Len()} {
		f := h2Frames{skip: len(http2.ClientPreface)}
		var got []h2Frame
		for rest := stream.Bytes(); len(rest) > 0; {
			n := min(1+rand.IntN(most), len(rest)) //nolint:gosec // any pieces will do
			f.follow(rest[:n], func(one h2Frame) { got = append(got, one) })
			rest = rest[n:]
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in pieces of up to %d: %v", most, got)
		}
	}
}
