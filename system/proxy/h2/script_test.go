package h2

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

var usual = Settings{Streams: 100, Head: 64 << 10, Window: 256 << 10, Windows: 1 << 20, Output: 64 << 10, WebSocket: true}

var epoch = time.Unix(1_800_000_000, 0)

// client writes what a client sends, by the framer of x/net.
type client struct {
	*http2.Framer
	bytes.Buffer
	block bytes.Buffer
	table *hpack.Encoder
}

// newClient has said what every client begins with.
func newClient(settings ...http2.Setting) *client {
	c := bareClient()
	c.WriteString(http2.ClientPreface)
	_ = c.WriteSettings(settings...)
	return c
}

func bareClient() *client {
	c := new(client)
	c.Framer = http2.NewFramer(&c.Buffer, nil)
	c.AllowIllegalWrites = true
	c.table = hpack.NewEncoder(&c.block)
	return c
}

// fields are a block of them: "name=value", and one that begins with a space keeps it.
func (c *client) fields(list ...string) []byte {
	c.block.Reset()
	for _, one := range list {
		at := strings.IndexByte(one[1:], '=') + 1
		_ = c.table.WriteField(hpack.HeaderField{Name: one[:at], Value: one[at+1:]})
	}
	return bytes.Clone(c.block.Bytes())
}

// ask opens a stream with a request: a GET of "/" unless a field says otherwise.
func (c *client) ask(stream uint32, end bool, more ...string) {
	c.head(stream, end, request(more...)...)
}

func request(more ...string) []string {
	list := []string{":method=GET", ":scheme=https", ":authority=a.test", ":path=/"}
	for _, one := range more {
		name, value, _ := strings.Cut(one[1:], "=")
		put := false
		for i := range list {
			if strings.HasPrefix(list[i][1:], name+"=") && one[0] == ':' {
				list[i], put = one, true
				if value == "-" {
					list = append(list[:i], list[i+1:]...)
				}
				break
			}
		}
		if !put {
			list = append(list, one)
		}
	}
	return list
}

// head writes exactly these fields, in as many frames as they take.
func (c *client) head(stream uint32, end bool, list ...string) {
	block := c.fields(list...)
	first := block[:min(len(block), maxFrame)]
	block = block[len(first):]
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndHeaders: len(block) == 0, EndStream: end})
	for len(block) > 0 {
		next := block[:min(len(block), maxFrame)]
		block = block[len(next):]
		_ = c.WriteContinuation(stream, len(block) == 0, next)
	}
}

// serve gives a connection what a client sent, in pieces, and returns what the driver saw. It does nothing by itself but
// to use up the bodies, unless the test has something to do with an event.
func serve(c *Conn, sent []byte, piece int, do func(Event)) []string {
	var log record
	for {
		p := sent[:min(piece, len(sent))]
		sent = sent[len(p):]
		for {
			e, n := c.Next(p, epoch)
			if p = p[n:]; e.Kind == Nothing || e.Kind == Over && log.over {
				break
			}
			log.note(e)
			if e.Kind == Data {
				e.Stream.Consumed(len(e.Data))
			}
			if do != nil {
				do(e)
			}
		}
		if len(p) > 0 {
			panic("not all is used up")
		}
		if len(sent) == 0 {
			log.flush()
			return log.lines
		}
	}
}

// record has a line for each event; pieces of a body that follow each other are one.
type record struct {
	lines []string
	of    uint32
	body  []byte
	over  bool
}

func (r *record) note(e Event) {
	if e.Kind == Data && r.of == e.Stream.ID() {
		r.body = append(r.body, e.Data...)
		return
	}
	r.flush()
	if e.Kind == Data {
		r.of, r.body = e.Stream.ID(), bytes.Clone(e.Data)
		return
	}
	r.over = e.Kind == Over
	r.lines = append(r.lines, line(e))
}

func (r *record) flush() {
	if r.of != 0 {
		r.lines = append(r.lines, fmt.Sprintf("%d data %s", r.of, short(r.body)))
	}
	r.of, r.body = 0, nil
}

func short(b []byte) string {
	if len(b) > 40 {
		return fmt.Sprintf("of %d", len(b))
	}
	return string(b)
}

func line(e Event) string {
	var id uint32
	if e.Stream != nil {
		id = e.Stream.ID()
	}
	switch e.Kind {
	case Asked:
		return fmt.Sprintf("%d %s", id, askedLine(e.Request))
	case Ended:
		return fmt.Sprintf("%d ended%s", id, text(e.Trailer))
	case Writable:
		return fmt.Sprintf("%d turn", id)
	case Closed:
		return fmt.Sprintf("%d closed %s%s", id, e.Code, why(e.Fault))
	case Acked:
		return "acked"
	case Over:
		return fmt.Sprintf("over %s%s", e.Code, why(e.Fault))
	default:
		panic(fmt.Sprint("unknown event ", e.Kind))
	}
}

func askedLine(r *Request) string {
	if r.TooLong {
		return "too long"
	}
	line := fmt.Sprintf("%s %s://%s%s", r.Method, r.Scheme, r.Authority, r.Path)
	if r.Protocol != nil {
		line += " by " + string(r.Protocol)
	}
	line += text(r.Fields)
	if r.Length >= 0 {
		line += fmt.Sprintf(" of %d", r.Length)
	}
	if r.Ended {
		line += "."
	}
	return line
}

func why(f *Fault) string {
	if f == nil {
		return ""
	}
	return ": " + f.Text
}

func text(fields []h1.Field) (out string) {
	for _, f := range fields {
		out += fmt.Sprintf(" %s=%q", f.Name, f.Value)
	}
	return out
}

// said is what a connection sends, frame by frame, as the framer of x/net reads it.
func said(t testing.TB, out []byte) (log []string) {
	t.Helper()
	r := http2.NewFramer(nil, bytes.NewReader(out))
	r.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	r.MaxHeaderListSize = 1 << 20
	for {
		one, err := r.ReadFrame()
		if err == io.EOF { //nolint:errorlint // as it is returned
			return log
		}
		if err != nil {
			t.Fatalf("what is sent cannot be read: %v, behind %q", err, log)
		}
		log = append(log, describe(one))
	}
}

func describe(one http2.Frame) string {
	id := one.Header().StreamID
	end := ""
	if one.Header().Flags.Has(http2.FlagDataEndStream) {
		end = "."
	}
	switch f := one.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return "settings ack"
		}
		line := "settings"
		_ = f.ForeachSetting(func(s http2.Setting) error { line += fmt.Sprintf(" %d=%d", s.ID, s.Val); return nil })
		return line
	case *http2.MetaHeadersFrame:
		line := fmt.Sprintf("%d head", id)
		for _, h := range f.Fields {
			line += fmt.Sprintf(" %s=%q", h.Name, h.Value)
		}
		return line + end
	case *http2.DataFrame:
		return fmt.Sprintf("%d data %s%s", id, short(f.Data()), end)
	case *http2.RSTStreamFrame:
		return fmt.Sprintf("%d reset %s", id, Code(f.ErrCode))
	case *http2.WindowUpdateFrame:
		return fmt.Sprintf("%d window %d", id, f.Increment)
	case *http2.PingFrame:
		return fmt.Sprintf("ping %t %q", f.IsAck(), f.Data)
	case *http2.GoAwayFrame:
		return fmt.Sprintf("go away %d %s", f.LastStreamID, Code(f.ErrCode))
	default:
		return fmt.Sprint(one)
	}
}
