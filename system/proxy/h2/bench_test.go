package h2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// Requests as a browser or a load generator sends them, a batch at a time, each answered with a kilobyte.
const batch = 10

var (
	page       = bytes.Repeat([]byte("x"), 1024)
	pageFields = []h1.Field{
		{Name: []byte("Server"), Value: []byte("nginx/1.22.1")}, {Name: []byte("Date"), Value: []byte("Fri, 27 Nov 2026 03:00:00 GMT")},
		{Name: []byte("Content-Type"), Value: []byte("text/html; charset=utf-8")}, {Name: []byte("Content-Length"), Value: []byte("1024")},
		{Name: []byte("Last-Modified"), Value: []byte("Thu, 26 Nov 2026 10:00:00 GMT")}, {Name: []byte("Etag"), Value: []byte(`"65645f3a-400"`)},
		{Name: []byte("Cache-Control"), Value: []byte("public, max-age=3600")},
	}
)

// asking writes batches of requests, whose streams go up.
type asking struct {
	*client
	next  uint32
	paths bool // each is another one
}

func newAsking(paths bool) *asking {
	a := &asking{client: newClient(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30}), next: 1, paths: paths}
	_ = a.WriteWindowUpdate(0, 1<<30)
	return a
}

func (a *asking) batch() []byte {
	for range batch {
		path := ":path=/index.html"
		if a.paths {
			path = fmt.Sprintf(":path=/tiles/%d.png", a.next)
		}
		a.ask(a.next, true, path, "user-agent=Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
			"accept=text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "accept-language=en-US,en;q=0.5", "accept-encoding=gzip, deflate, br, zstd",
			"cookie=session=0123456789abcdef", "sec-fetch-dest=document", "sec-fetch-mode=navigate")
		a.next += 2
	}
	p := bytes.Clone(a.Bytes())
	a.Reset()
	return p
}

func (a *asking) Reset() { a.client.Buffer.Reset() }

// BenchmarkCore: a request and its answer, without anybody around it.
func BenchmarkCore(b *testing.B) {
	for _, paths := range []bool{false, true} {
		b.Run(map[bool]string{false: "same", true: "different"}[paths], func(b *testing.B) {
			asks := newAsking(paths)
			batches := make([][]byte, b.N/batch+1)
			for i := range batches {
				batches[i] = asks.batch()
				if asks.next > 1<<30 {
					b.Fatal("too many")
				}
			}
			server := NewServer(usual)
			conn := server.Conn(epoch)
			room := make([]byte, 0, 1<<16)
			b.ReportAllocs()
			b.ResetTimer()
			began := spent(b)
			for _, p := range batches {
				conn.Room(room)
				answerAll(conn, p)
				room = conn.Sent(len(conn.Out()))
				conn.send = 1 << 30
			}
			b.ReportMetric(float64((spent(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
			if conn.over {
				b.Fatal(conn.fault)
			}
		})
	}
}

func answerAll(conn *Conn, p []byte) {
	for e, n := conn.Next(p, epoch); e.Kind != Nothing && e.Kind != Over; e, n = conn.Next(p, epoch) {
		p = p[n:]
		if e.Kind == Asked {
			e.Stream.Head(200, pageFields, false)
			e.Stream.Data(page, true)
		}
	}
}

// BenchmarkHead: the head of an answer, of which the date is another one in each; by the encoder here, and by that of x/net,
// which puts all it meets into its table. The bytes are what the client gets.
func BenchmarkHead(b *testing.B) {
	list := slices.Clone(pageFields)
	next := func(n int) { list[1].Value = strconv.AppendInt(list[1].Value[:0], int64(n), 10) }
	measure := func(b *testing.B, head func() int) {
		b.Helper()
		b.ReportAllocs()
		began, bytes := spent(b), 0
		for n := range b.N {
			next(n)
			bytes += head()
		}
		b.ReportMetric(float64((spent(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
		b.ReportMetric(float64(bytes)/float64(b.N), "bytes/op")
	}
	b.Run("own", func(b *testing.B) {
		var c Conn
		measure(b, func() int {
			c.out = c.out[:0]
			c.appendBlock(1, 200, list, 0)
			return len(c.out) - headSize
		})
	})
	b.Run("x/net", func(b *testing.B) {
		var out bytes.Buffer
		e := hpack.NewEncoder(&out)
		measure(b, func() int {
			out.Reset()
			_ = e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
			for _, f := range list {
				_ = e.WriteField(hpack.HeaderField{Name: strings.ToLower(string(f.Name)), Value: string(f.Value)})
			}
			return out.Len()
		})
	})
}

// TestIdleMemory: what a connection has that was asked something and is idle.
func TestIdleMemory(t *testing.T) { //nolint:paralleltest // it measures the heap
	const connections = 1000
	server := NewServer(usual)
	room := make([]byte, 0, 1<<16)
	sent := newAsking(false).batch()
	idle := make([]*Conn, connections)
	before := heap()
	for i := range idle {
		idle[i] = server.Conn(epoch)
		idle[i].Room(room)
		answerAll(idle[i], sent)
		room = idle[i].Sent(len(idle[i].Out()))
	}
	each := (heap() - before) / connections
	t.Logf("%d bytes", each)
	if each > 8<<10 || idle[0].over {
		t.Errorf("an idle connection has %d bytes", each)
	}
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// BenchmarkBeside: the same requests over a connection in memory, served by net/http and by the core in turns, so that the
// ratio is of one run. It is one of CPU time, with that of the client, who does the same for both.
func BenchmarkBeside(b *testing.B) {
	theirs := besideNetHTTP(b)
	ours := besideCore(b)
	var their, our time.Duration
	for range b.N {
		their += theirs.round(b)
		our += ours.round(b)
	}
	requests := float64(b.N * batch * rounds)
	b.ReportMetric(0, "ns/op") // has what the client does besides
	b.ReportMetric(float64(our.Nanoseconds())/requests, "cpu-ns/request")
	b.ReportMetric(float64(their.Nanoseconds())/requests, "cpu-ns/request-of-net/http")
	b.ReportMetric(float64(our)/float64(their), "ratio")
}

const rounds = 100 // batches at a time

// asker is the client's end of a connection.
type asker struct {
	*asking
	conn net.Conn
	in   []byte
}

func newAsker(conn net.Conn) *asker {
	return &asker{asking: newAsking(false), conn: conn, in: make([]byte, 0, 1<<17)}
}

// round asks and waits, many times.
func (a *asker) round(b *testing.B) time.Duration {
	var asked [rounds][]byte
	for i := range asked {
		_ = a.WriteWindowUpdate(0, batch*1024)
		asked[i] = a.batch()
	}
	began := spent(b)
	for _, p := range asked {
		if _, err := a.conn.Write(p); err != nil {
			b.Fatal(err)
		}
		for ended := 0; ended < batch; {
			n, err := a.conn.Read(a.in[len(a.in):cap(a.in)])
			if err != nil {
				b.Fatal(err)
			}
			a.in = a.in[:len(a.in)+n]
			ended += a.frames(b)
		}
	}
	return spent(b) - began
}

// spent is the CPU time of the process.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// frames counts the answers that have ended.
func (a *asker) frames(b *testing.B) (ended int) {
	p := a.in
	for len(p) >= headSize {
		f := readHead(p)
		if len(p) < headSize+f.length {
			break
		}
		switch {
		case f.kind == frameGoAway:
			b.Fatal("it goes away: ", Code(binary.BigEndian.Uint32(p[headSize+4:])))
		case f.kind == frameData && f.flags.has(flagEndStream):
			ended++
		}
		p = p[headSize+f.length:]
	}
	a.in = a.in[:copy(a.in[:cap(a.in)], p)]
	return ended
}

func besideCore(b *testing.B) *asker {
	client, server := newPipe()
	b.Cleanup(func() { client.Close() })
	go func() {
		conn := NewServer(usual).Conn(time.Now())
		in, room := make([]byte, 1<<16), make([]byte, 0, 1<<16)
		for {
			n, err := server.Read(in)
			if err != nil {
				return
			}
			conn.Room(room)
			answerAll(conn, in[:n])
			_, _ = server.Write(conn.Out())
			room = conn.Sent(len(conn.Out()))
		}
	}()
	return newAsker(client)
}

func besideNetHTTP(b *testing.B) *asker {
	client, server := newPipe()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{Protocols: protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, f := range pageFields {
			w.Header().Set(string(f.Name), string(f.Value))
		}
		_, _ = w.Write(page)
	})}
	go func() { _ = s.Serve(&single{conn: server, over: make(chan struct{})}) }()
	b.Cleanup(func() { client.Close(); s.Close() })
	return newAsker(client)
}

// single is a listener that has one connection.
type single struct {
	conn net.Conn
	over chan struct{}
}

func (s *single) Accept() (net.Conn, error) {
	if c := s.conn; c != nil {
		s.conn = nil
		return c, nil
	}
	<-s.over
	return nil, io.EOF
}

func (s *single) Close() error   { close(s.over); return nil }
func (s *single) Addr() net.Addr { return &net.TCPAddr{} }
