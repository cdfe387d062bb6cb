package proxy

import "github.com/c93d5bcb/sslwizard/system/proxy/h1"

// A guest gets its answers in HTTP/1.1.

// takesHead implements answerer: there is nothing before it.
func (g *guest) takesHead() bool { return true }

// interim implements answerer.
func (g *guest) interim(status int, fields []h1.Field) {
	b := h1.AppendStatus(g.stream.Buffer(), status)
	g.stream.Put(append(appendLines(b, fields), "\r\n"...))
}

// head implements answerer.
func (g *guest) head(h answerHead) {
	g.chunked = h.unknown
	g.last = g.last || h.closes || !g.job.bodyDone || g.doubtful() || g.worker.plane.draining.Load()
	b := h1.AppendStatus(g.stream.Buffer(), h.status)
	b = appendLines(b, h.fields)
	if g.chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if g.last {
		b = append(b, "Connection: close\r\n"...)
	}
	g.stream.Put(append(b, "\r\n"...))
}

// doubtful is what it is on net/http: chunked bodies are read strictly here, but what stands before us may not have.
func (g *guest) doubtful() bool { return g.job.head.Framing == h1.Chunked }

// body implements answerer.
func (g *guest) body(piece []byte, end bool, trailer []h1.Field) {
	to := g.stream
	if !g.chunked {
		to.Write(piece)
		return
	}
	b := h1.AppendChunk(to.Buffer(), piece)
	if end {
		b = h1.AppendEnd(b, trailer)
	}
	to.Put(b)
}

func appendLines(b []byte, fields []h1.Field) []byte {
	for _, f := range fields {
		b = h1.AppendField(b, f.Name, f.Value)
	}
	return b
}
