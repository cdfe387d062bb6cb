package h1

import (
	"bytes"
	"strings"
	"testing"
)

// TestChunksAreCutAnywhere: what was written comes out again, in whatever steps it arrives.
func TestChunksAreCutAnywhere(t *testing.T) {
	t.Parallel()
	var whole []byte
	want := ""
	for i := range 20 {
		piece := strings.Repeat(string(rune('a'+i)), i*i)
		want += piece
		whole = AppendChunk(whole, []byte(piece))
	}
	whole = AppendEnd(whole, []Field{{Name: []byte("x-sum"), Value: []byte("1")}})
	for step := 1; step <= len(whole); step += 1 + step/8 {
		var c Chunks
		got, ended := "", false
		for part := range bytes.SplitSeq(cut(whole, step), []byte{0}) {
			for len(part) > 0 && !ended {
				piece, n, end, err := c.Next(part)
				if err != nil {
					t.Fatal(err)
				}
				got, part, ended = got+string(piece), part[n:], end
			}
			if len(part) > 0 {
				t.Fatalf("in steps of %d: it ended too early", step)
			}
		}
		trailer := c.Trailer()
		if got != want || !ended || len(trailer) != 1 || string(trailer[0].Name) != "X-Sum" || string(trailer[0].Value) != "1" {
			t.Fatalf("in steps of %d: %q, ended %t, %q", step, got, ended, trailer)
		}
	}
}

// cut puts a zero byte behind every so many bytes.
func cut(p []byte, step int) (out []byte) {
	for len(p) > step {
		out = append(append(out, p[:step]...), 0)
		p = p[step:]
	}
	return append(out, p...)
}

// TestChunksRefuse: what is wrong, or too much, ends a body.
func TestChunksRefuse(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"3\nabc\r\n", "3\r\nabcd\r\n", "+3\r\n", "-1\r\n", "0x3\r\n", "\r\n", ";x\r\n", "3 4\r\n", "g\r\n", "1000000000000000\r\n", "3\r\nabc\n0\r\n\r\n",
		"0\r\nX: a\rb\r\n\r\n", "0\r\nX: y\n\r\n", "3;a\x00\r\n",
		"1;" + strings.Repeat("x", maxChunkLine) + "\r\n",
		strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\na\r\n", 20),
		"0\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 20),
	} {
		var c Chunks
		var err error
		for rest := []byte(text); len(rest) > 0 && err == nil; {
			var n int
			_, n, _, err = c.Next(rest)
			rest = rest[n:]
		}
		if err == nil {
			t.Errorf("%.60q is taken", text)
		}
	}
}

// TestTrailerHasNoFraming: what would say where a message ends says nothing behind it.
func TestTrailerHasNoFraming(t *testing.T) {
	t.Parallel()
	var c Chunks
	_, _, end, err := c.Next([]byte("0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: x\r\nno field\r\nX Y: z\r\nA: b\r\n\r\n"))
	got := c.Trailer()
	if err != nil || !end {
		t.Fatal(end, err)
	}
	if len(got) != 1 || string(got[0].Name) != "A" || string(got[0].Value) != "b" {
		t.Errorf("%q", got)
	}
}

// TestNames: a name is written as net/http writes it.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"host": "Host", "X-FORWARDED-for": "X-Forwarded-For", "-a--b": "-A--B", "x1y-2z": "X1y-2z"} {
		if got := string(AppendField(nil, []byte(name), []byte("v"))); got != want+": v\r\n" {
			t.Errorf("%q is written as %q", name, got)
		}
	}
}
