package probe

import (
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestBrokenTalk(t *testing.T) {
	t.Parallel()
	const ws = steps.IDWebSockets
	const gone = "WebSocket closed with code 1006"
	echoes := func(target *Target) { target.Echo = true }
	idle := func(target *Target) { target.Idle = 1200 * time.Millisecond }
	shortly := func(target *Target) { target.Timeout = 700 * time.Millisecond }
	cut := fakeApp{lives: 600 * time.Millisecond}
	runBroken(t, []broken{
		{"no pong", only(fakeApp{deaf: true}, shortly), "ws.ping", ws, steps.Fail, "W18", gone, blameApp},
		{"no pong from the application", both(fakeApp{deaf: true}, fakeApp{deaf: true}, shortly), "ws.ping", ws, steps.Fail, "W18", gone, blameApp},
		{"no pong through the proxy", both(fakeApp{deaf: true}, fakeApp{}, shortly), "ws.ping", ws, steps.Fail, "W18", gone, blameProxy},
		{"masked frames", only(fakeApp{frame: []byte{0x81, 0x81, 1, 2, 3, 4, 5}}), "ws.ping", ws, steps.Fail, "W19", faultFrame.browser, blameApp},
		{"reserved bits", only(fakeApp{frame: []byte{0xc1, 1, 'x'}}), "ws.ping", ws, steps.Fail, "W19", faultFrame.browser, blameApp},
		{"a long ping", only(fakeApp{frame: append([]byte{0x89, 126, 0, 126}, make([]byte, 126)...)}), "ws.ping", ws, steps.Fail, "W19", faultFrame.browser, blameApp},
		{"an endless frame", only(fakeApp{frame: []byte{0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255}}), "ws.ping", ws, steps.Fail, "W19", faultFrame.browser, blameApp},
		{"greetings", only(fakeApp{greetings: true}), "ws.ping", ws, steps.OK, "", "", ""},
		{"no echo asked for", only(fakeApp{}), "ws.echo", ws, steps.Skip, "", "", ""},
		{"echo changed by the proxy", both(fakeApp{changes: true}, fakeApp{}, echoes), "ws.echo", ws, steps.Fail, "W20", "", blameProxy},
		{"echo changed by the application", both(fakeApp{changes: true}, fakeApp{changes: true}, echoes), "ws.echo", ws, steps.Fail, "W20", "", blameApp},
		{"echo", both(fakeApp{}, fakeApp{}, echoes), "ws.echo", ws, steps.OK, "", "", ""},
		{"idle", only(fakeApp{}, idle), "ws.idle", ws, steps.OK, "", "", ""},
		{"idle with greetings", only(fakeApp{greetings: true}, idle), "ws.idle", ws, steps.OK, "", "", ""},
		{"no idle asked for", only(fakeApp{}), "ws.idle", ws, steps.Skip, "", "", ""},
		{"cut, by whom cannot be told", only(cut, idle), "ws.idle", ws, steps.Fail, "W05", gone, ""},
		{"cut by the proxy", both(cut, fakeApp{}, idle), "ws.idle", ws, steps.Fail, "W05", gone, blameProxy},
		{"cut by the application", both(cut, cut, idle), "ws.idle", ws, steps.Fail, "W05", gone, blameApp},
		{"closed by the application", only(fakeApp{lives: 600 * time.Millisecond, goodbye: true}, idle), "ws.idle", ws, steps.Fail, "W05", gone, blameApp},
		{"close not answered", only(fakeApp{noClose: true}), "ws.close", ws, steps.Warn, "W21", gone, blameApp},
	})
}
