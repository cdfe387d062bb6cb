package h2

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// talk is a connection with a client that has begun, and what the driver of a test holds.
type talk struct {
	*client
	t       *testing.T
	conn    *Conn
	streams map[uint32]*Stream
	reader  *bytes.Buffer
	framer  *http2.Framer
}

func begin(t *testing.T, s Settings, settings ...http2.Setting) *talk {
	t.Helper()
	k := &talk{client: newClient(settings...), t: t, conn: NewServer(s).Conn(epoch), streams: map[uint32]*Stream{}, reader: new(bytes.Buffer)}
	k.framer = http2.NewFramer(nil, k.reader)
	k.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	k.framer.MaxHeaderListSize = 1 << 20
	_ = k.WriteSettingsAck()
	k.hear()
	k.said()
	return k
}

// hear has the server read what the client has written, and returns what came of it.
func (k *talk) hear() []string {
	k.t.Helper()
	sent := bytes.Clone(k.Bytes())
	k.client.Buffer.Reset()
	return serve(k.conn, sent, max(len(sent), 1), func(e Event) {
		if e.Kind == Asked {
			k.streams[e.Stream.ID()] = e.Stream
		}
	})
}

// said has the client take all that is to be sent.
func (k *talk) said() (log []string) {
	k.t.Helper()
	k.reader.Write(k.conn.Out())
	k.conn.Sent(len(k.conn.Out()))
	for k.reader.Len() > 0 {
		one, err := k.framer.ReadFrame()
		if err != nil {
			k.t.Fatal(err)
		}
		log = append(log, describe(one))
	}
	return log
}

// next is the next event, when nothing more is heard.
func (k *talk) next() string {
	e, _ := k.conn.Next(nil, epoch)
	if e.Kind == Nothing {
		return ""
	}
	return line(e)
}

func (k *talk) want(got []string, want ...string) {
	k.t.Helper()
	if !slices.Equal(got, want) {
		k.t.Errorf("%q\nwant\n%q", got, want)
	}
}

func fields(list ...string) (out []h1.Field) {
	for _, one := range list {
		name, value, _ := strings.Cut(one, "=")
		f := h1.Field{Name: []byte(name), Value: []byte(value)}
		if name == "Connection" {
			f.Kind = h1.Connection
		}
		out = append(out, f)
	}
	return out
}

// TestAnswers: what is said of a stream comes to the client, and that is over when both have said all.
func TestAnswers(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	for id := range uint32(5) {
		k.ask(2*id+1, id != 3)
	}
	k.hear()
	k.streams[1].Interim(103, fields("Link=</x>"))
	k.streams[1].Head(200, fields("Content-Type=text/plain", "X-Own=1", "Connection=close", "Set-Cookie=a", "Set-Cookie=b"), false)
	k.streams[1].Interim(103, nil)
	k.streams[1].Head(500, nil, true)
	k.streams[1].Data([]byte("abc"), false)
	k.streams[1].Trailers(fields("X-Sum=3"))
	k.streams[1].Data([]byte("more"), true)
	k.streams[3].Head(204, nil, true)
	k.streams[5].Data([]byte("before the head"), false)
	k.streams[5].Trailers(nil)
	k.streams[5].Head(299, nil, false)
	k.streams[5].Data([]byte("xyz"), true)
	k.streams[7].Head(413, nil, false)
	k.streams[7].Data(nil, true)
	k.streams[9].Reset(InternalError)
	k.streams[9].Head(200, nil, true)
	k.want(k.said(),
		`1 head :status="103" link="</x>"`,
		`1 head :status="200" content-type="text/plain" x-own="1" set-cookie="a" set-cookie="b"`, `1 data abc`, `1 head x-sum="3".`,
		`3 head :status="204".`, `5 head :status="299"`, `5 data xyz.`,
		`7 head :status="413"`, `7 data .`, `7 reset NO_ERROR`, `9 reset INTERNAL_ERROR`)
	k.want(k.hear(), "1 closed NO_ERROR", "3 closed NO_ERROR", "5 closed NO_ERROR", "7 closed NO_ERROR", "9 closed INTERNAL_ERROR")
	if k.conn.Open() != 0 || k.conn.server.free == nil {
		t.Errorf("%d streams are open", k.conn.Open())
	}
	_ = k.WriteData(7, true, []byte("was on its way"))
	k.want(k.hear())
	k.want(k.said())
}

// TestTunnels: one side of a WebSocket may say more when the other has ended.
func TestTunnels(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	k.ask(1, false, ":method=CONNECT", ":protocol=websocket")
	k.ask(3, false, ":method=CONNECT", ":protocol=websocket")
	k.hear()
	k.streams[1].Head(200, nil, false)
	k.streams[1].Data([]byte("bye"), true)
	_ = k.WriteData(1, false, []byte("one"))
	_ = k.WriteData(1, true, []byte(" more"))
	k.want(k.hear(), "1 data one more", "1 ended", "1 closed NO_ERROR")
	k.streams[3].Head(200, nil, false)
	_ = k.WriteData(3, true, []byte("bye"))
	k.want(k.hear(), "3 data bye", "3 ended")
	k.streams[3].Data([]byte("too"), true)
	k.want(k.hear(), "3 closed NO_ERROR")
	k.want(k.said(), `1 head :status="200"`, "1 data bye.", `3 head :status="200"`, "3 data too.")
	k.ask(7, false, ":method=CONNECT", ":protocol=websocket")
	k.hear()
	k.streams[7].Head(405, nil, false)
	k.streams[7].Data([]byte("no"), true)
	k.want(k.said(), `7 head :status="405"`, "7 data no.", "7 reset NO_ERROR") // or it would be one of those that may be open
	k.want(k.hear(), "7 closed NO_ERROR")
	for id := uint32(9); id <= 11; id += 2 {
		k.ask(id, false, ":method=CONNECT", ":protocol=websocket")
		k.hear()
		k.streams[id].Head(200, nil, false)
		if id == 9 {
			k.streams[id].Untie()
		}
		k.streams[id].Data([]byte("bye"), true)
		if id == 11 {
			k.want(k.hear())
			k.streams[id].Untie()
		}
		k.want(k.said(), fmt.Sprintf(`%d head :status="200"`, id), fmt.Sprintf("%d data bye.", id), fmt.Sprintf("%d reset NO_ERROR", id))
		k.want(k.hear(), fmt.Sprintf("%d closed NO_ERROR", id))
	}
	k.ask(15, false, ":method=CONNECT", ":protocol=websocket")
	k.head(15, true, "x=y")
	k.want(k.hear(), "15 CONNECT https://a.test/ by websocket", "15 closed PROTOCOL_ERROR: the trailers are none")
}

// TestLongHeads: what does not go into a frame goes on in the next ones.
func TestLongHeads(t *testing.T) {
	t.Parallel()
	for _, size := range []int{maxFrame - 20, maxFrame - 10, maxFrame, 3 * maxFrame} {
		k := begin(t, usual)
		k.ask(1, true)
		k.hear()
		value := strings.Repeat("\xff", size) // of no short code
		k.streams[1].Head(200, fields("X="+value), true)
		k.want(k.said(), fmt.Sprintf("1 head :status=\"200\" x=%q.", value))
	}
}

// TestUnsayable: what an application says and HTTP/2 has not is left out, as net/http does.
func TestUnsayable(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	k.ask(1, true)
	k.hear()
	list := fields("X-Tab=a\tb", "X-High=\xff", "X-Line=a\nb", "X-Return=a\rb", "X-Nul=a\x00b", "X-Del=a\x7f", "X-Bell=\a", "X Name=a", "X:=a", "=a")
	k.streams[1].Interim(103, list)
	k.streams[1].Head(200, list, false)
	k.streams[1].Trailers(list)
	const left = ` x-tab="a\tb" x-high="\xff"`
	k.want(k.said(), `1 head :status="103"`+left, `1 head :status="200"`+left, `1 head`+left+`.`)
}

// TestBackPressure: no more is taken than the client takes and the network does; what is taken comes whole, and whoever
// was not heard has his turn.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	k := begin(t, usual, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
	k.ask(1, true)
	k.hear()
	s := k.streams[1]
	if n := s.Credit(); n != usual.Output {
		t.Errorf("before the head there is credit for %d", n)
	}
	s.Head(200, nil, false)
	if n := s.Credit(); n != 10 {
		t.Errorf("credit for %d", n)
	}
	if n := s.Data([]byte("0123456789abc"), true); n != 10 || k.next() != "" {
		t.Errorf("%d are taken", n)
	}
	_ = k.WriteWindowUpdate(1, 2)
	k.want(k.hear(), "1 turn")
	if n := s.Data([]byte("abc"), true); n != 2 {
		t.Errorf("%d are taken", n)
	}
	k.want(k.said(), `1 head :status="200"`, "1 data 0123456789", "1 data ab")
	_ = k.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 5})
	k.want(k.hear())
	_ = k.WriteWindowUpdate(1, 5)
	k.want(k.hear())
	_ = k.WriteWindowUpdate(1, 1)
	k.want(k.hear(), "1 turn")
	s.Data([]byte("c"), true)
	k.want(k.said(), "settings ack", "1 data c.")
}

// TestWindowOfAll: when the client takes no more in all, heads go on, and data does later.
func TestWindowOfAll(t *testing.T) {
	t.Parallel()
	k := begin(t, usual, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	k.ask(1, true)
	k.ask(3, true)
	k.hear()
	k.streams[1].Head(200, nil, false)
	big := make([]byte, plainStart+3)
	n := 0
	for k.conn.send > 0 {
		n += k.streams[1].Data(big[n:], true)
		k.said()
		k.next()
	}
	if n != plainStart || k.streams[1].Credit() != 0 || k.streams[3].Credit() != 0 {
		t.Errorf("%d of %d are taken", n, len(big))
	}
	if next := []string{k.next(), k.next()}; next[0] != "3 turn" || next[1] != "" {
		t.Errorf("%q", next)
	}
	k.streams[3].Head(204, nil, true)
	_ = k.WriteWindowUpdate(0, 3)
	k.want(k.hear(), "3 closed NO_ERROR", "1 turn")
	if k.streams[1].Data(big[n:], true) != 3 {
		t.Error("the rest is not taken")
	}
	k.want(k.said(), `3 head :status="204".`, "1 data \x00\x00\x00.")
}

// TestTurns: everybody who waits has a turn before anybody has another one, and nobody comes in between.
func TestTurns(t *testing.T) {
	t.Parallel()
	k := begin(t, usual, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	_ = k.WriteWindowUpdate(0, 1<<24)
	const streams = 5
	for id := range uint32(streams) {
		k.ask(2*id+1, true)
	}
	k.hear()
	sent := map[uint32]int{}
	big := make([]byte, 300_000)
	send := func(id uint32) { sent[id] += k.streams[id].Data(big[sent[id]:], true) }
	for id := range uint32(streams) {
		k.streams[2*id+1].Head(200, nil, false)
		send(2*id + 1) // the first fills all there is
	}
	var turns []uint32
	for range 1000 {
		e, _ := k.conn.Next(nil, epoch)
		if e.Kind == Nothing {
			if !k.conn.Full() && k.conn.Open() > 0 {
				t.Fatal("nobody has a turn")
			}
			if len(k.conn.Out()) == 0 {
				break
			}
			k.conn.Sent(min(20_000, len(k.conn.Out())))
			continue
		}
		if e.Kind == Writable {
			id := e.Stream.ID()
			turns = append(turns, id)
			before, others := sent[id], k.conn.waiting.first != nil
			if send(id); others && sent[id]-before > quantum {
				t.Errorf("a turn of %d", sent[id]-before)
			}
			if other := k.streams[(id+2)%(2*streams)]; !other.over && !other.answered && other.Credit() != 0 {
				t.Errorf("%d may write in the turn of %d", other.id, id)
			}
		}
	}
	for id, n := range sent {
		if n != len(big) {
			t.Errorf("%d has sent %d", id, n)
		}
	}
	for at, id := range turns[:60] {
		if want := uint32(2*(at%streams) + 1); id != want {
			t.Fatalf("turns: %v", turns)
		}
	}
}

// TestDeaf: heads that nobody reads end the connection before they fill the memory.
func TestDeaf(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	field := fields("Set-Cookie=" + strings.Repeat("y", 2000))
	var log []string
	for id := uint32(1); id < 4000 && len(log) < 3; id += 2 {
		k.ask(id, true)
		log = append(log, k.hear()[1:]...)
		if s := k.streams[id]; s != nil {
			s.Head(200, field, true)
			k.streams[id] = nil
		}
		if len(log) > 0 && strings.HasPrefix(log[len(log)-1], "over") {
			break
		}
		log = log[:0]
	}
	if len(log) == 0 || !strings.HasSuffix(log[len(log)-1], ErrDeaf.Text) || len(k.conn.Out()) > usual.Output+unheard+10_000 {
		t.Errorf("%q, with %d bytes for it", log, len(k.conn.Out()))
	}
}

// TestGrants: what is used of bodies is granted again, and nothing else; what is not used holds the client back, of a
// stream and of all.
func TestGrants(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	used, over := 0, 0
	for id := range uint32(5) {
		k.ask(2*id+1, false)
	}
	k.hear()
	send := func(id uint32, n int) {
		for n > 0 {
			step := min(n, maxFrame)
			_ = k.WriteData(id, false, make([]byte, step))
			n -= step
		}
		sent := bytes.Clone(k.Bytes())
		k.client.Buffer.Reset()
		for n := 0; ; {
			e, step := k.conn.Next(sent[n:], epoch)
			n += step
			switch e.Kind {
			case Data:
				used += len(e.Data)
			case Closed:
				over++
			case Over:
				over += 100
				return
			case Nothing:
				return
			}
		}
	}
	for id := range uint32(4) {
		send(2*id+1, usual.Window)
	}
	if used != usual.Windows || over != 0 || len(k.said()) > 0 {
		t.Fatalf("%d are used, of %d", used, usual.Windows)
	}
	k.streams[1].Consumed(usual.Window/2 + 1)
	k.streams[1].Consumed(10)
	k.streams[3].Consumed(usual.Window)
	k.streams[3].Consumed(usual.Window) // more than there was
	k.streams[5].Reset(Cancel)
	k.want(k.said(), "1 window 131073", "3 window 262144", "0 window 655371", "5 reset CANCEL")
	send(1, usual.Window/2+1)
	send(3, 1)
	if over != 1 { // 5
		t.Error("what was granted is refused")
	}
	send(1, 1)
	if over != 2 {
		t.Error("what was not granted is taken")
	}
}

// TestWindowOfAllBodies: no more than was granted in all.
func TestWindowOfAllBodies(t *testing.T) {
	t.Parallel()
	s := usual
	s.Windows = 100_000
	k := begin(t, s)
	k.ask(1, false)
	k.hear()
	sent := k.client
	for n := 100_001; n > 0; n -= maxFrame {
		_ = sent.WriteData(1, false, make([]byte, min(n, maxFrame)))
	}
	e, n := k.conn.Next(sent.Bytes(), epoch)
	rest := sent.Bytes()
	for e.Kind == Data {
		rest = rest[n:]
		e, n = k.conn.Next(rest, epoch)
	}
	if e.Kind != Closed || e.Code != FlowControlError || k.next() != "over FLOW_CONTROL_ERROR: there is more data than was allowed" {
		t.Errorf("%+v", e)
	}
}

// TestDrain: what the client asks before it can know is answered, what it asks later is not, and the connection ends with
// the last answer.
func TestDrain(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	k.ask(1, true)
	k.hear()
	k.conn.Drain()
	k.want(k.said(), "go away 2147483647 NO_ERROR", `ping false "drain\x00\x00\x00"`)
	k.ask(3, true)
	_ = k.WritePing(true, drainPing)
	k.ask(5, false)
	_ = k.WriteData(5, true, []byte("too late"))
	_ = k.WritePing(true, drainPing)
	k.want(k.hear(), "3 GET https://a.test/.")
	k.want(k.said(), "go away 3 NO_ERROR")
	k.streams[1].Head(200, nil, true)
	k.want(k.hear(), "1 closed NO_ERROR")
	k.streams[3].Head(200, nil, true)
	k.want(k.hear(), "3 closed NO_ERROR", "over NO_ERROR")
	k.want(k.said(), `1 head :status="200".`, `3 head :status="200".`)

	idle := begin(t, usual)
	idle.conn.Drain()
	idle.conn.Drain() // does not wait
	idle.want(idle.said(), "go away 2147483647 NO_ERROR", `ping false "drain\x00\x00\x00"`, "go away 0 NO_ERROR")
	if next := idle.next(); next != "over NO_ERROR" {
		t.Error(next)
	}
}

// TestEnd: every stream is told of when the client has gone, and nothing is said to it any more.
func TestEnd(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	k.ask(1, true)
	k.ask(3, false)
	k.hear()
	k.conn.End()
	k.streams[1].Head(200, nil, true)
	k.streams[3].Reset(Cancel)
	if k.streams[3].Data([]byte("x"), true) != 0 || k.streams[3].Credit() != 0 {
		t.Error("it goes on")
	}
	k.want(k.hear(), "1 closed CANCEL", "3 closed CANCEL", "over CANCEL")
	k.want(k.said())
}

// TestFloods: what a client may do in vain has an end, whoever does it honestly does not meet it, and time gives it back.
func TestFloods(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]struct {
		one  func(k *talk, n uint32)
		most int
		want *Fault
	}{
		"rapid reset":   {func(k *talk, n uint32) { k.ask(n, true); _ = k.WriteRSTStream(n, http2.ErrCodeCancel) }, vainRequests, ErrResets},
		"malformed":     {func(k *talk, n uint32) { k.ask(n, true, ":path=x") }, vainRequests, ErrResets},
		"made to reset": {func(k *talk, n uint32) { k.ask(n, true); _ = k.WriteWindowUpdate(n, 0) }, vainRequests, ErrResets},
		"data too late": {func(k *talk, n uint32) { k.ask(n, true); _ = k.WriteData(n, true, []byte("x")) }, vainRequests, ErrResets},
		"streams":       {func(k *talk, n uint32) { k.ask(n, true) }, vainRequests + usual.Streams, ErrResets},
		"ping":          {func(k *talk, _ uint32) { _ = k.WritePing(false, [8]byte{}) }, vainFrames, ErrFrames},
		"settings":      {func(k *talk, _ uint32) { _ = k.WriteSettings() }, vainFrames, ErrFrames},
		"priority":      {func(k *talk, n uint32) { _ = k.WritePriority(n, http2.PriorityParam{}) }, vainFrames, ErrFrames},
		"unknown":       {func(k *talk, n uint32) { _ = k.WriteRawFrame(0xbb, 0, n, nil) }, vainFrames, ErrFrames},
		"window":        {func(k *talk, _ uint32) { _ = k.WriteWindowUpdate(0, 1) }, vainFrames, ErrFrames},
		"empty data": {func(k *talk, n uint32) {
			if n == 1 {
				k.ask(1, false)
			}
			_ = k.WriteData(1, false, nil)
		}, vainFrames, ErrFrames},
		"nothing but padding": {func(k *talk, n uint32) {
			if n == 1 {
				k.ask(1, false)
			}
			_ = k.WriteDataPadded(1, false, nil, []byte{0})
		}, vainFrames, ErrFrames},
		"heads of nobody": {func(k *talk, n uint32) {
			if n == 1 {
				k.ask(1, false)
				k.hear()
				k.streams[1].Reset(Cancel)
			}
			k.head(1, true, "x=y")
		}, vainFrames, ErrFrames},
		"streams too late": {func(k *talk, n uint32) {
			if n == 1 {
				k.ask(1, true)
				k.hear()
				k.conn.Drain()
				k.conn.Drain()
			}
			k.ask(n+2, true)
		}, vainFrames, ErrFrames},
		"data of nobody": {func(k *talk, n uint32) {
			if n == 1 {
				k.ask(1, true)
				_ = k.WriteRSTStream(1, http2.ErrCodeCancel)
			}
			_ = k.WriteData(1, false, []byte("x"))
		}, vainFrames, ErrFrames},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := begin(t, usual)
			spent := 0
			for n := uint32(1); !k.conn.over && spent <= flood.most+50; n += 2 {
				flood.one(k, n)
				k.hear()
				spent++
			}
			if k.conn.fault != flood.want || spent < flood.most-50 {
				t.Errorf("it ends after %d, %+v", spent, k.conn.fault)
			}
		})
	}
}

// TestEarning: every answer allows one more request in vain, and more frames; more of them than there would be at once.
func TestEarning(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	id := uint32(1)
	for range vainFrames / 4 {
		if id < 4*(vainRequests+100) {
			k.ask(id, true)
			_ = k.WriteRSTStream(id, http2.ErrCodeCancel)
			id += 2
		}
		k.ask(id, true)
		for range framesOfRequest + 2*framesOfAnswer {
			_ = k.WritePing(false, [8]byte{})
		}
		k.hear()
		if k.conn.over {
			t.Fatalf("at stream %d: %v", id, k.conn.fault)
		}
		k.streams[id].Head(200, nil, false)
		k.streams[id].Data([]byte("x"), true)
		k.said()
		id += 2
	}
}

// TestOnItsWay: a body that comes in small pieces, and is answered before its end, is no flood; more of it than could be on
// its way is.
func TestOnItsWay(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	k.ask(1, false)
	k.hear()
	k.streams[1].Head(413, nil, true)
	pieces := func(n int) {
		for range n {
			_ = k.WriteData(1, false, []byte("0123456789"))
		}
		k.hear()
	}
	pieces(usual.Window / 10)
	if k.conn.over {
		t.Fatal(k.conn.fault)
	}
	pieces(vainFrames + framesOfRequest + 10)
	if k.conn.fault != ErrFrames {
		t.Errorf("it goes on: %v", k.conn.fault)
	}
}

// TestHonest: answers that are taken back when they have begun, and frames that come with answers, are no flood; and what
// was spent comes back with time.
func TestHonest(t *testing.T) {
	t.Parallel()
	k := begin(t, usual)
	for n := range uint32(2000) {
		id := 2*n + 1
		k.ask(id, true)
		k.hear()
		k.streams[id].Head(200, nil, false)
		k.streams[id].Data([]byte("x"), false)
		_ = k.WriteWindowUpdate(0, 1)
		_ = k.WriteWindowUpdate(id, 1)
		for range 10 {
			_ = k.WritePing(false, [8]byte{})
		}
		_ = k.WriteRSTStream(id, http2.ErrCodeCancel)
		k.hear()
		k.said()
	}
	if k.conn.over {
		t.Fatal(k.conn.fault)
	}
	b := newBudget(3, 10, epoch)
	for range 3 {
		b.spend(epoch)
	}
	if b.spend(epoch) || b.spend(epoch.Add(50*time.Millisecond)) || !b.spend(epoch.Add(400*time.Millisecond)) {
		t.Error("time does not count")
	}
}
