package native

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// accessLine is a line of the access log.
type accessLine struct {
	Time   string  `json:"time"`
	Site   string  `json:"site,omitempty"`
	Remote string  `json:"remote"`
	Method string  `json:"method"`
	Scheme string  `json:"scheme"`
	Host   string  `json:"host"`
	Path   string  `json:"path"`
	Proto  string  `json:"proto"`
	Status int     `json:"status"`
	Bytes  int64   `json:"bytes"`
	Millis float64 `json:"ms"`
}

// accessLog writes each request as a JSON object in one line.
func accessLog(out io.Writer) func(proxy.Access) {
	var mu sync.Mutex
	return func(a proxy.Access) {
		line := accessLine{
			Time: a.Time.UTC().Format(time.RFC3339Nano), Site: a.Site, Remote: a.Remote, Method: a.Method, Scheme: scheme(a),
			Host: a.Host, Path: a.Path, Proto: a.Proto, Status: a.Status, Bytes: a.Bytes,
			Millis: float64(a.Elapsed.Microseconds()) / 1000,
		}
		text, err := json.Marshal(line)
		if err != nil {
			return // there is nothing in a line that could fail
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = out.Write(append(text, '\n'))
	}
}
