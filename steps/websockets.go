package steps

import (
	"fmt"
	"slices"
	"time"
)

func (b *siteBuilder) webSockets() SiteWebSockets {
	a := b.answers.WebSockets
	// In HTTP/2 there is no upgrade, and next to no application takes what RFC 8441 has in its place.
	u, err := ParseUpstream(b.answers.Proxy.Upstream)
	w := SiteWebSockets{Enabled: a.Enabled && (err != nil || !u.HTTP2()), Idle: b.duration("websockets.idle", a.Idle, time.Second, 30*day)}
	for i, p := range bounded(b, "websockets.paths", a.Paths) {
		path := fmt.Sprintf("websockets.paths[%d]", i)
		if err := checkPrefix(p); err != nil {
			b.fail(path, err)
		} else if slices.Contains(w.Paths, p) {
			b.fail(path, bad("%s is in the list already", p))
		}
		w.Paths = append(w.Paths, p)
	}
	if a.Enabled && len(a.Paths) == 0 {
		b.fail("websockets.paths", bad("the list is empty; give [/] for everywhere, or set websockets.enabled to false"))
	}
	return w
}

func webSocketsQuestions(Facts) []Question {
	enabled := func(a Answers) bool {
		u, err := ParseUpstream(a.Proxy.Upstream)
		return a.WebSockets.Enabled && (err != nil || !u.HTTP2())
	}
	return []Question{
		{
			Key: "websockets.enabled", Kind: KindBool, Label: "Pass WebSockets on?", Default: "yes",
			Help: "Requests that ask for an upgrade become WebSockets; all others are not touched.",
			Why:  "It does no harm where there are none.",
			Shell: []string{"map $http_upgrade $connection_upgrade { default upgrade; '' ''; }    (in http{}; a fixed \"upgrade\" would spoil plain requests)",
				"proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Connection $connection_upgrade;"},
		},
		{
			Key: "websockets.paths", Kind: KindList, Label: "On which paths?", Default: "/", When: enabled,
			Help: "Path prefixes, for instance /ws or /socket.io/. / is everywhere.",
			Why:  "Everywhere works with every application.",
		},
		{
			Key: "websockets.idle", Kind: KindDuration, Label: "How long may a socket be silent?", Default: "1h", When: enabled,
			Help:  "A socket without a byte in either direction is closed after this time.",
			Why:   "The usual 60 to 90 seconds cut quiet applications off; pings every 20 to 30 seconds are good in any case.",
			Shell: []string{"proxy_read_timeout 1h;", "proxy_send_timeout 1h;"},
		},
	}
}

func webSocketsFindings(s Site, _ Facts) []Finding {
	const short = 75 * time.Second
	if s.Proxy.Upstream.HTTP2() {
		return []Finding{{Code: "grpc-sockets", Severity: Info, Text: "there are no WebSockets to an application that speaks HTTP/2 only (h2c, gRPC)",
			Fix: []string{"proxy.upstream: " + s.Proxy.Upstream.Twin().String() + "    if the application speaks HTTP/1.1 there"}}}
	}
	if !s.WebSockets.Enabled || s.WebSockets.Idle >= short {
		return nil
	}
	return []Finding{{Code: "W05", Severity: Info,
		Text: fmt.Sprintf("sockets that are silent for %s are closed; have the application ping more often than that", FormatDuration(s.WebSockets.Idle)),
		Fix:  []string{"websockets.idle: 1h"}}}
}
