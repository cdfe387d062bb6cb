package h2

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rule is what RFC 9113 says of something that a client sends: what its driver sees of it, and what the client is told.
type rule struct {
	name string
	send func(c *client)
	want []string // events
	told []string // behind the settings of the server and the acknowledgement of the client's
}

const ok = `1 GET https://a.test/`

func reset(code, text string) []string { return []string{"1 closed " + code + ": " + text} }

func over(code, text string) []string { return []string{"over " + code + ": " + text} }

func rules() []rule {
	return slices.Concat(connectionRules(), frameRules(), streamRules(), flowRules(), requestRules())
}

func connectionRules() []rule {
	return []rule{
		{"3.4 the settings are acknowledged", func(*client) {}, nil, nil},
		{"6.5 ours are", func(c *client) { _ = c.WriteSettingsAck() }, []string{"acked"}, nil},
		{"6.5 ours are, twice", func(c *client) { _ = c.WriteSettingsAck(); _ = c.WriteSettingsAck() },
			[]string{"acked", "over PROTOCOL_ERROR: what was not said is acknowledged"}, []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.5 an acknowledgement with something in it", func(c *client) { _ = c.WriteRawFrame(http2.FrameSettings, http2.FlagSettingsAck, 0, make([]byte, 6)) },
			over("FRAME_SIZE_ERROR", "an acknowledgement has something in it"), []string{"go away 0 FRAME_SIZE_ERROR"}},
		{"6.5 an odd size", func(c *client) { _ = c.WriteRawFrame(http2.FrameSettings, 0, 0, make([]byte, 5)) },
			over("FRAME_SIZE_ERROR", "the settings have an odd size"), []string{"go away 0 FRAME_SIZE_ERROR"}},
		{"6.5 settings of a stream", func(c *client) { _ = c.WriteRawFrame(http2.FrameSettings, 0, 1, nil) },
			over("PROTOCOL_ERROR", "a frame is of a stream that it cannot be of"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.5.2 pushing is neither on nor off", set(http2.SettingEnablePush, 2),
			over("PROTOCOL_ERROR", "a setting is neither on nor off"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.5.2 a window that is too wide", set(http2.SettingInitialWindowSize, 1<<31),
			over("FLOW_CONTROL_ERROR", "a window is too wide"), []string{"go away 0 FLOW_CONTROL_ERROR"}},
		{"6.5.2 frames that are too short", set(http2.SettingMaxFrameSize, 1<<14-1),
			over("PROTOCOL_ERROR", "the largest frame has a size that none can have"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.5.2 frames that are too long", set(http2.SettingMaxFrameSize, 1<<24),
			over("PROTOCOL_ERROR", "the largest frame has a size that none can have"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.5.2 an unknown setting", set(0xff, 7), nil, []string{"settings ack"}},
		{"6.7 a ping", func(c *client) { _ = c.WritePing(false, [8]byte{'h', 'i'}) }, nil, []string{`ping true "hi\x00\x00\x00\x00\x00\x00"`}},
		{"6.7 an answer to none", func(c *client) { _ = c.WritePing(true, [8]byte{'h', 'i'}) }, nil, nil},
		{"6.7 a ping of a stream", func(c *client) { _ = c.WriteRawFrame(http2.FramePing, 0, 1, make([]byte, 8)) },
			over("PROTOCOL_ERROR", "a frame is of a stream that it cannot be of"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.7 a short ping", func(c *client) { _ = c.WriteRawFrame(http2.FramePing, 0, 0, make([]byte, 6)) },
			over("FRAME_SIZE_ERROR", "a frame has a size that its kind has not"), []string{"go away 0 FRAME_SIZE_ERROR"}},
		{"6.8 a client that goes away", func(c *client) { c.ask(1, true); _ = c.WriteGoAway(0, 0, nil) }, []string{ok + "."},
			[]string{"go away 2147483647 NO_ERROR", `ping false "drain\x00\x00\x00"`}},
		{"6.8 a short farewell", func(c *client) { _ = c.WriteRawFrame(http2.FrameGoAway, 0, 0, make([]byte, 7)) },
			over("FRAME_SIZE_ERROR", "a frame has a size that its kind has not"), []string{"go away 0 FRAME_SIZE_ERROR"}},
		{"6.8 a farewell of a stream", func(c *client) { _ = c.WriteRawFrame(http2.FrameGoAway, 0, 1, make([]byte, 8)) },
			over("PROTOCOL_ERROR", "a frame is of a stream that it cannot be of"), []string{"go away 0 PROTOCOL_ERROR"}},
	}
}

func set(id http2.SettingID, value uint32) func(*client) {
	return func(c *client) { _ = c.WriteSettings(http2.Setting{ID: id, Val: value}) }
}

func raw(kind http2.FrameType, f http2.Flags, stream uint32, payload string) func(*client) {
	return func(c *client) { _ = c.WriteRawFrame(kind, f, stream, []byte(payload)) }
}

func frameRules() []rule {
	return []rule{
		{"4.1 an unknown frame", raw(0xbb, 0xff, 7, "whatever"), nil, nil},
		{"4.1 the reserved bit", func(c *client) { _ = c.WriteRawFrame(http2.FramePing, 0, 1<<31, make([]byte, 8)) }, nil,
			[]string{`ping true "\x00\x00\x00\x00\x00\x00\x00\x00"`}},
		{"4.2 a frame that is too long", raw(http2.FrameData, 0, 1, strings.Repeat("x", maxFrame+1)),
			over("FRAME_SIZE_ERROR", "a frame is too long"), []string{"go away 0 FRAME_SIZE_ERROR"}},
		{"4.3 a block that is none", raw(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 1, "\xff\xff\xff\xff\xff\xff"),
			over("COMPRESSION_ERROR", "a head cannot be read: decoding error: truncated headers"), []string{"go away 0 COMPRESSION_ERROR"}},
		{"4.3 a head in pieces", inPieces, []string{ok + "."}, nil},
		{"4.3 another frame in between", func(c *client) {
			_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields(request()...), EndStream: true})
			_ = c.WritePing(false, [8]byte{})
		}, over("PROTOCOL_ERROR", "a head is broken off, or goes on that is none"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.10 that of another stream", func(c *client) {
			_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields(request()...), EndStream: true})
			_ = c.WriteContinuation(3, true, nil)
		}, over("PROTOCOL_ERROR", "a head is broken off, or goes on that is none"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.10 the rest of none", func(c *client) { _ = c.WriteContinuation(1, true, nil) },
			over("PROTOCOL_ERROR", "a head is broken off, or goes on that is none"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.10 one without end", func(c *client) {
			_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields(request()...)})
			for range mostContinued + 1 {
				_ = c.WriteContinuation(1, false, nil)
			}
		}, over("ENHANCE_YOUR_CALM", ErrFrames.Text), []string{"go away 0 ENHANCE_YOUR_CALM"}},
		{"6.10 one that is too long", func(c *client) {
			_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields(request()...)})
			for range 9 {
				_ = c.WriteContinuation(1, false, make([]byte, maxFrame))
			}
		}, over("ENHANCE_YOUR_CALM", "a head does not come to its end"), []string{"go away 0 ENHANCE_YOUR_CALM"}},
		{"6.1 data of the connection", raw(http2.FrameData, 0, 0, "x"),
			over("PROTOCOL_ERROR", "a frame is of a stream that it cannot be of"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.1 padding", func(c *client) { c.ask(1, false); _ = c.WriteDataPadded(1, true, []byte("abc"), make([]byte, 7)) },
			[]string{ok, "1 data abc", "1 ended"}, nil},
		{"6.1 nothing but padding", func(c *client) { c.ask(1, false); _ = c.WriteDataPadded(1, true, nil, make([]byte, 7)) },
			[]string{ok, "1 ended"}, nil},
		{"6.1 too much padding", func(c *client) { c.ask(1, false); raw(http2.FrameData, http2.FlagDataPadded, 1, "\x03abc")(c) },
			[]string{ok}, nil},
		{"6.1 more padding than frame", func(c *client) { c.ask(1, false); raw(http2.FrameData, http2.FlagDataPadded, 1, "\x04abc")(c) },
			[]string{ok, "1 closed PROTOCOL_ERROR: the padding is longer than its frame", "over PROTOCOL_ERROR: the padding is longer than its frame"},
			[]string{"go away 1 PROTOCOL_ERROR"}},
		{"6.2 a padded head", func(c *client) {
			_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields(request()...), EndHeaders: true, EndStream: true, PadLength: 9,
				Priority: http2.PriorityParam{StreamDep: 3, Weight: 8}})
		}, []string{ok + "."}, nil},
		{"6.2 more padding than head", raw(http2.FrameHeaders, http2.FlagHeadersPadded|http2.FlagHeadersEndHeaders, 1, "\x05abc"),
			over("PROTOCOL_ERROR", "the padding is longer than its frame"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.2 a head of the connection", raw(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 0, ""),
			over("PROTOCOL_ERROR", "a frame is of a stream that it cannot be of"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.3 priorities are passed over", func(c *client) {
			_ = c.WritePriority(7, http2.PriorityParam{StreamDep: 5})
			c.ask(1, true)
			_ = c.WritePriority(1, http2.PriorityParam{StreamDep: 5, Exclusive: true, Weight: 255})
		}, []string{ok + "."}, nil},
		{"6.3 a priority that is too short", raw(http2.FramePriority, 0, 1, "1234"),
			over("FRAME_SIZE_ERROR", "a frame has a size that its kind has not"), []string{"go away 0 FRAME_SIZE_ERROR"}},
		{"6.3 a priority of the connection", raw(http2.FramePriority, 0, 0, "12345"),
			over("PROTOCOL_ERROR", "a frame is of a stream that it cannot be of"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.6 a push", raw(http2.FramePushPromise, http2.FlagPushPromiseEndHeaders, 1, "1234"),
			over("PROTOCOL_ERROR", "a client pushes"), []string{"go away 0 PROTOCOL_ERROR"}},
	}
}

func inPieces(c *client) {
	block := c.fields(request()...)
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:1], EndStream: true})
	_ = c.WriteContinuation(1, false, nil)
	_ = c.WriteContinuation(1, false, block[1:4])
	_ = c.WriteContinuation(1, true, block[4:])
}

func streamRules() []rule {
	return []rule{
		{"5.1.1 a stream of the server", func(c *client) { c.ask(2, true) },
			over("PROTOCOL_ERROR", "a client opens streams of the server"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"5.1.1 a number that was left out", func(c *client) { c.ask(3, true); c.ask(1, true) },
			[]string{"3 GET https://a.test/.", "3 closed STREAM_CLOSED: a stream is opened again", "over STREAM_CLOSED: a stream is opened again"},
			[]string{"go away 3 STREAM_CLOSED"}},
		{"5.1 data of an idle stream", func(c *client) { _ = c.WriteData(1, true, []byte("x")) },
			over("PROTOCOL_ERROR", "a frame is of a stream that is none"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"5.1 a window of an idle stream", func(c *client) { _ = c.WriteWindowUpdate(1, 1) },
			over("PROTOCOL_ERROR", "a frame is of a stream that is none"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"5.1 a window of a stream of the server", func(c *client) { c.ask(3, true); _ = c.WriteWindowUpdate(2, 1) },
			[]string{"3 GET https://a.test/.", "3 closed PROTOCOL_ERROR: a frame is of a stream that is none", "over PROTOCOL_ERROR: a frame is of a stream that is none"},
			[]string{"go away 3 PROTOCOL_ERROR"}},
		{"6.4 a reset of an idle stream", func(c *client) { _ = c.WriteRSTStream(1, http2.ErrCodeCancel) },
			over("PROTOCOL_ERROR", "a frame is of a stream that is none"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.4 a reset", func(c *client) { c.ask(1, true); _ = c.WriteRSTStream(1, http2.ErrCodeCancel) },
			[]string{ok + ".", "1 closed CANCEL"}, nil},
		{"6.4 a short reset", func(c *client) { c.ask(1, true); raw(http2.FrameRSTStream, 0, 1, "123")(c) },
			[]string{ok + ".", "1 closed FRAME_SIZE_ERROR: a frame has a size that its kind has not", "over FRAME_SIZE_ERROR: a frame has a size that its kind has not"},
			[]string{"go away 1 FRAME_SIZE_ERROR"}},
		{"5.1 what comes behind a reset", func(c *client) {
			c.ask(1, false)
			_ = c.WriteRSTStream(1, http2.ErrCodeCancel)
			_ = c.WriteWindowUpdate(1, 1)
			_ = c.WriteRSTStream(1, http2.ErrCodeCancel)
			_ = c.WritePriority(1, http2.PriorityParam{})
			_ = c.WriteData(1, false, []byte("x"))
		}, []string{ok, "1 closed CANCEL"}, []string{"1 reset STREAM_CLOSED"}},
		{"5.1 a head behind a reset", func(c *client) { c.ask(1, false); _ = c.WriteRSTStream(1, http2.ErrCodeCancel); c.head(1, true, "a=b") },
			[]string{ok, "1 closed CANCEL", "over STREAM_CLOSED: a stream is opened again"}, []string{"go away 1 STREAM_CLOSED"}},
		{"5.1 data behind the end", func(c *client) { c.ask(1, true); _ = c.WriteData(1, true, []byte("x")) },
			append([]string{ok + "."}, reset("STREAM_CLOSED", "there is data behind the end")...), []string{"1 reset STREAM_CLOSED"}},
		{"5.1 a head behind the end", func(c *client) { c.ask(1, true); c.head(1, true, "a=b") },
			append([]string{ok + "."}, reset("STREAM_CLOSED", "there is a head behind the end")...), []string{"1 reset STREAM_CLOSED"}},
		{"5.1.2 more than may be open", func(c *client) {
			for n := range uint32(101) {
				c.ask(2*n+1, true)
			}
			_ = c.WriteData(201, true, []byte("was on its way"))
			c.head(201, true, "was=too")
		}, manyAsked(100), []string{"201 reset REFUSED_STREAM"}},
		{"5.3.1 behind itself", func(c *client) { c.ask(1, true); _ = c.WritePriority(1, http2.PriorityParam{StreamDep: 1}) },
			append([]string{ok + "."}, reset("PROTOCOL_ERROR", "a stream is to come behind itself")...), []string{"1 reset PROTOCOL_ERROR"}},
		{"5.3.1 opened behind itself", func(c *client) {
			_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields(request()...), EndHeaders: true, EndStream: true, Priority: http2.PriorityParam{StreamDep: 1}})
		}, nil, []string{"1 reset PROTOCOL_ERROR"}},
		{"8.1 trailers", func(c *client) {
			c.ask(1, false)
			_ = c.WriteData(1, false, []byte("abc"))
			c.head(1, true, "x-sum=3", "content-length=9", "host=b.test")
		}, []string{ok, "1 data abc", `1 ended x-sum="3"`}, nil},
		{"8.1 trailers that go on", func(c *client) { c.ask(1, false); c.head(1, false, "x-sum=3") },
			append([]string{ok}, reset("PROTOCOL_ERROR", "the trailers are none")...), []string{"1 reset PROTOCOL_ERROR"}},
		{"8.1 trailers with a path", func(c *client) { c.ask(1, false); c.head(1, true, ":path=/x") },
			append([]string{ok}, reset("PROTOCOL_ERROR", "the trailers are none")...), []string{"1 reset PROTOCOL_ERROR"}},
		{"8.1 trailers that are none", func(c *client) { c.ask(1, false); c.head(1, true, "X=y") },
			append([]string{ok}, reset("PROTOCOL_ERROR", "the trailers are none")...), []string{"1 reset PROTOCOL_ERROR"}},
	}
}

func manyAsked(n uint32) (log []string) {
	for id := range n {
		log = append(log, strings.Replace(ok+".", "1", decimalText(2*id+1), 1))
	}
	return log
}

func decimalText(n uint32) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return decimalText(n/10) + decimalText(n%10)
}

func flowRules() []rule {
	return []rule{
		{"6.9 nothing more", func(c *client) { _ = c.WriteWindowUpdate(0, 0) },
			over("PROTOCOL_ERROR", "a window is widened by nothing"), []string{"go away 0 PROTOCOL_ERROR"}},
		{"6.9 nothing more of a stream", func(c *client) { c.ask(1, true); _ = c.WriteWindowUpdate(1, 0) },
			append([]string{ok + "."}, reset("PROTOCOL_ERROR", "a window is widened by nothing")...), []string{"1 reset PROTOCOL_ERROR"}},
		{"6.9.1 too wide", func(c *client) { _ = c.WriteWindowUpdate(0, maxWindow-plainStart); _ = c.WriteWindowUpdate(0, 1) },
			over("FLOW_CONTROL_ERROR", "a window is too wide"), []string{"go away 0 FLOW_CONTROL_ERROR"}},
		{"6.9.1 too wide for a stream", func(c *client) { c.ask(1, true); _ = c.WriteWindowUpdate(1, maxWindow) },
			append([]string{ok + "."}, reset("FLOW_CONTROL_ERROR", "a window is too wide")...), []string{"1 reset FLOW_CONTROL_ERROR"}},
		{"6.9.2 too wide by settings", func(c *client) {
			c.ask(1, true)
			_ = c.WriteWindowUpdate(1, maxWindow-plainStart)
			set(http2.SettingInitialWindowSize, plainStart+1)(c)
		}, []string{ok + ".", "1 closed FLOW_CONTROL_ERROR: a window is too wide", "over FLOW_CONTROL_ERROR: a window is too wide"}, []string{"settings ack", "go away 1 FLOW_CONTROL_ERROR"}},
		{"6.9 a short one", raw(http2.FrameWindowUpdate, 0, 0, "123"),
			over("FRAME_SIZE_ERROR", "a frame has a size that its kind has not"), []string{"go away 0 FRAME_SIZE_ERROR"}},
		{"6.9 padding is used at once", func(c *client) {
			c.ask(1, false)
			for range 600 {
				_ = c.WriteDataPadded(1, false, []byte("."), make([]byte, 255))
			}
		}, []string{ok, "1 data of 600"}, []string{"1 window 131326"}},
	}
}

func requestRules() []rule {
	taken := func(name, line string, fields ...string) rule {
		return rule{name, func(c *client) { c.ask(1, true, fields...) }, []string{"1 " + line + "."}, nil}
	}
	refused := func(name string, fields ...string) rule {
		return rule{name, func(c *client) { c.ask(1, true, fields...) }, nil, []string{"1 reset PROTOCOL_ERROR"}}
	}
	exactly := func(name string, fields ...string) rule {
		return rule{name, func(c *client) { c.head(1, true, fields...) }, nil, []string{"1 reset PROTOCOL_ERROR"}}
	}
	withBody := func(name, length string, want ...string) rule {
		told := []string(nil)
		if len(want) > 0 && strings.Contains(want[len(want)-1], "closed") {
			told = []string{"1 reset PROTOCOL_ERROR"}
		}
		return rule{name, func(c *client) {
			c.ask(1, false, "content-length="+length)
			_ = c.WriteData(1, false, []byte("a"))
			_ = c.WriteData(1, true, []byte("bc"))
		}, want, told}
	}
	return []rule{
		taken("8.3.1 host", `GET https://b.test/`, ":authority=-", "host=b.test"),
		taken("8.3.1 host says the same", `GET https://a.test/`, "host=a.test"),
		taken("8.3.1 a port", `GET https://a.test:8443/`, ":authority=a.test:8443"),
		taken("8.3.1 everything", `OPTIONS https://a.test*`, ":method=OPTIONS", ":path=*"),
		taken("8.3.1 letters of another script", `GET https://a.test/ä?ö`, ":path=/ä?ö"),
		taken("8.3.1 escapes that are none", `GET https://a.test/%zz`, ":path=/%zz"),
		taken("8.2 fields in order", `GET https://a.test/ b="1" a="2" b=""`, "b=1", "a=2", "b="),
		taken("8.2.2 te", `GET https://a.test/ te="trailers"`, "te=trailers"),
		taken("8.2.3 a cookie", `GET https://a.test/ cookie="a=b"`, "cookie=a=b"),
		taken("8.2.3 crumbs", `GET https://a.test/ x="1" cookie="a=b; c=d; e=f" y="2" z="3"`, "x=1", "cookie=a=b", "y=2", "cookie=c=d", "z=3", "cookie=e=f"),
		taken("8.1.1 a length of nothing", `GET https://a.test/ content-length="0" of 0`, "content-length=0"),
		taken("8.5 connect", `CONNECT ://a.test:443`, ":method=CONNECT", ":scheme=-", ":path=-", ":authority=a.test:443"),
		taken("RFC 8441 a WebSocket", `CONNECT https://a.test/ by websocket`, ":method=CONNECT", ":protocol=websocket"),
		taken("9110 5.5 high bytes", `GET https://a.test/ x="\xff\t\x80"`, "x=\xff\t\x80"),

		taken("8.2.1 white space around a value, which should not be", `GET https://a.test/ x="a b"`, "x=\t a b \t"),

		refused("8.3 no method", ":method=-"), refused("8.3 no scheme", ":scheme=-"), refused("8.3 no path", ":path=-"),
		refused("8.3 no host", ":authority=-"), refused("8.3.1 an empty path", ":path="), refused("8.3.1 an empty host", ":authority="),
		refused("8.3.1 an empty method", ":method="), refused("9110 9.1 a method that is none", ":method=G T"),
		refused("8.3.1 another scheme", ":scheme=ftp"), refused("8.3.1 a path without a slash", ":path=x"),
		refused("8.3.1 a whole address", ":path=https://a.test/"), refused("8.3.1 everything, of GET", ":path=*"),
		refused("3986 a space in the path", ":path=/a b"), refused("3986 a fragment", ":path=/a#b"), refused("3986 DEL in the path", ":path=/a\x7f"),
		refused("8.3.1 a user", ":authority=u@a.test"), refused("8.3.1 a space in the host", ":authority=a test"),
		refused("8.3.1 two hosts", "host=b.test"), refused("8.3.1 two hosts, without authority", ":authority=-", "host=a.test", "host=b.test"),
		refused("8.3 a pseudo-header of answers", ":status=200"), refused("8.3 an unknown one", ":x=y"), refused("8.3 nothing but a colon", ":=y"),
		exactly("8.3 one twice", append(request(), ":path=/")...),
		exactly("8.3 one behind a field", ":method=GET", ":scheme=https", "x=y", ":path=/", ":authority=a.test"),
		refused("8.2 a capital", "X=y"), refused("8.2 a space in a name", "x y=z"), refused("8.2 a colon in a name", "x:y=z"),
		refused("8.2 a name of another script", "ä=z"), refused("8.2 no name", "=z"),
		refused("8.2.1 CR", "x=a\rb"), refused("8.2.1 LF", "x=a\nb"), refused("8.2.1 NUL", "x=a\x00b"), refused("9110 5.5 DEL", "x=a\x7f"),
		refused("8.2.2 connection", "connection=close"), refused("8.2.2 keep-alive", "keep-alive=1"), refused("8.2.2 proxy-connection", "proxy-connection=x"),
		refused("8.2.2 transfer-encoding", "transfer-encoding=chunked"), refused("8.2.2 upgrade", "upgrade=h2c"), refused("8.2.2 another te", "te=gzip"),
		refused("8.5 connect with a path", ":method=CONNECT", ":scheme=-"), refused("8.5 connect with a scheme", ":method=CONNECT", ":path=-"),
		refused("8.5 connect to nobody", ":method=CONNECT", ":scheme=-", ":path=-", ":authority=-"),
		refused("8.5 connect to a field", ":method=CONNECT", ":scheme=-", ":path=-", ":authority=-", "host=a.test"),
		refused("8.5 connect with a length", ":method=CONNECT", ":scheme=-", ":path=-", "content-length=1"),
		refused("RFC 8441 a protocol without connect", ":protocol=websocket"), refused("RFC 8441 an empty one", ":method=CONNECT", ":protocol="), refused("RFC 8441 an empty one without connect", ":protocol="),
		refused("RFC 8441 no path", ":method=CONNECT", ":protocol=websocket", ":path=-"),
		refused("8.1.1 a length and no body", "content-length=3"),
		withBody("8.1.1 the length", "3", ok+` content-length="3" of 3`, "1 data abc", "1 ended"),
		withBody("8.1.1 a longer body", "2", ok+` content-length="2" of 2`, "1 data a", "1 closed PROTOCOL_ERROR: the body is longer than its length"),
		withBody("8.1.1 a shorter body", "4", ok+` content-length="4" of 4`, "1 data abc", "1 closed PROTOCOL_ERROR: the body is shorter than its length"),
		refused("9110 8.6 a sign", "content-length=+0"), refused("9110 8.6 no digits", "content-length="), refused("9110 8.6 two of them", "content-length=0", "content-length=0"),
		refused("9110 8.6 too many digits", "content-length=0000000000000000000"),
		{"10.5.1 a head that is too long", func(c *client) { c.ask(1, true, "x="+strings.Repeat("y", usual.Head)); c.ask(3, true) },
			[]string{"1 too long", "3 GET https://a.test/."}, nil},
		{"10.5.1 trailers that are too long", func(c *client) { c.ask(1, false); c.head(1, true, "x="+strings.Repeat("y", 65530)) },
			append([]string{ok}, reset("ENHANCE_YOUR_CALM", "the trailers are too long")...), []string{"1 reset ENHANCE_YOUR_CALM"}},
		{"RFC 7541 a head of many", func(c *client) {
			fields := []string{}
			for range 2000 { // a byte each, behind the first
				fields = append(fields, "x-field=of some length")
			}
			c.ask(1, true, fields...)
		}, []string{"1 too long"}, nil},
	}
}

// TestRules: what RFC 9113 says, however what the client sends is cut.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			c := newClient()
			r.send(c)
			for _, piece := range []int{c.Len(), 1, 2, 3, 7, 13, 100, 1000} {
				conn := NewServer(usual).Conn(epoch)
				log := serve(conn, c.Bytes(), piece, nil)
				out := said(t, conn.Out())
				const first = "settings 3=100 4=262144 6=65536 9=1 8=1"
				if len(out) < 2 || out[0] != first || out[1] != "0 window 983041" {
					t.Fatalf("it begins with %q", out)
				}
				if out = out[2:]; len(out) > 0 && out[0] == "settings ack" {
					out = out[1:]
				}
				if !slices.Equal(log, r.want) || !slices.Equal(out, r.told) {
					t.Fatalf("in pieces of %d:\n%q\nand the client is told\n%q\nwant\n%q\n%q", piece, log, out, r.want, r.told)
				}
			}
		})
	}
}

// TestBeginnings: whoever does not begin as HTTP/2 does is told so (RFC 9113 section 3.4).
func TestBeginnings(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(c *client){
		"another protocol": func(c *client) { c.WriteString("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n") },
		"a request":        func(c *client) { c.WriteString(http2.ClientPreface); c.ask(1, true) },
		"an answer":        func(c *client) { c.WriteString(http2.ClientPreface); _ = c.WriteSettingsAck() },
	} {
		c := bareClient()
		begin(c)
		conn := NewServer(usual).Conn(epoch)
		log := serve(conn, c.Bytes(), 5, nil)
		if out := said(t, conn.Out()); len(log) != 1 || !strings.HasPrefix(log[0], "over PROTOCOL_ERROR") || out[len(out)-1] != "go away 0 PROTOCOL_ERROR" {
			t.Errorf("%s: %q, and the client is told %q", name, log, out)
		}
	}
}

// TestNoWebSocket: what is not offered is refused.
func TestNoWebSocket(t *testing.T) {
	t.Parallel()
	s := usual
	s.WebSocket = false
	c := newClient()
	c.ask(1, true, ":method=CONNECT", ":protocol=websocket")
	conn := NewServer(s).Conn(epoch)
	log := serve(conn, c.Bytes(), c.Len(), nil)
	out := said(t, conn.Out())
	if len(log) != 0 || out[0] != "settings 3=100 4=262144 6=65536 9=1" || out[len(out)-1] != "1 reset PROTOCOL_ERROR" {
		t.Errorf("%q, and the client is told %q", log, out)
	}
}

// TestTables: the library's own tables come out as RFC 7541 has them, and what is written by them can be read.
func TestTables(t *testing.T) {
	t.Parallel()
	if staticNames[":authority"] != 1 || staticNames[":status"] != firstStatus || staticNames["content-length"] != 28 || staticNames["www-authenticate"] != staticSize {
		t.Error(staticNames)
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, value := range []string{"", "a", "text/html; charset=utf-8", strings.Repeat("long ", 1000), string(all)} {
		var block []byte
		for _, f := range fields("X-Some="+value, "Server="+value) {
			block = appendLiteral(block, 0, 4, f)
		}
		got, err := hpack.NewDecoder(0, nil).DecodeFull(block)
		if err != nil || len(got) != 2 || got[0].Name != "x-some" || got[0].Value != value || got[1].Name != "server" || got[1].Value != value {
			t.Errorf("%q is read as %v (%v)", value, got, err)
		}
		if want := hpack.AppendHuffmanString(nil, value); len(want) < len(value) && !strings.Contains(string(block), string(want)) {
			t.Errorf("%q is written in another code", value)
		}
	}
}
