package probe

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestBrokenReplies(t *testing.T) {
	t.Parallel()
	const ws = steps.IDWebSockets
	wrongKey := fakeApp{header: but("Sec-WebSocket-Accept", accept("another key"))}
	chat := func(target *Target) { target.Subprotocols = []string{"chat"} }
	runBroken(t, []broken{
		{"wrong accept key", only(wrongKey), "ws.accept", ws, steps.Fail, "W15", faultAccept.browser, blameApp},
		{"wrong accept key of the application", both(wrongKey, wrongKey), "ws.accept", ws, steps.Fail, "W15", faultAccept.browser, blameApp},
		{"wrong accept key of the proxy", both(wrongKey, fakeApp{}), "ws.accept", ws, steps.Fail, "W15", faultAccept.browser, blameProxy},
		{"no accept key", only(fakeApp{header: but("Sec-WebSocket-Accept", "")}), "ws.accept", ws, steps.Fail, "W15", faultAccept.browser, blameApp},
		{"no Upgrade", only(fakeApp{header: but("Upgrade", "")}), "ws.headers", ws, steps.Fail, "W16", faultUpgradeHdr.browser, blameProxy},
		{"another Upgrade", only(fakeApp{header: but("Upgrade", "h2c")}), "ws.headers", ws, steps.Fail, "W16", faultUpgradeHdr.browser, blameProxy},
		{"no Connection", only(fakeApp{header: but("Connection", "")}), "ws.headers", ws, steps.Fail, "W16", "Error during WebSocket handshake: 'Connection' header is missing", blameProxy},
		{"HTTP/1.0", only(fakeApp{proto: "HTTP/1.0"}), "ws.headers", ws, steps.Fail, "W16", faultUpgradeHdr.browser, blameProxy},
		{"Connection in a list", only(fakeApp{header: but("Connection", "keep-alive, upgrade")}), "ws.headers", ws, steps.OK, "", "", ""},
		{"extension that was not offered", only(fakeApp{header: but("Sec-WebSocket-Extensions", "permessage-deflate")}), "ws.extensions", ws, steps.Fail, "W17", faultExtension.browser, blameApp},
		{"subprotocol lost by the proxy", both(fakeApp{}, fakeApp{header: but("Sec-WebSocket-Protocol", "chat")}, chat), "ws.protocol", ws, steps.Fail, "W06", faultSubproto.browser, blameProxy},
		{"subprotocol not chosen", both(fakeApp{}, fakeApp{}, chat), "ws.protocol", ws, steps.Fail, "W06", faultSubproto.browser, blameApp},
		{"subprotocol that was not offered", only(fakeApp{header: but("Sec-WebSocket-Protocol", "other")}, chat), "ws.protocol", ws, steps.Fail, "W06", faultSubWrong.browser, blameApp},
		{"version 12 accepted", only(fakeApp{}), "ws.version", ws, steps.Warn, "W22", "", blameApp},
	})
}
