package wizard

import (
	"os"
	"testing"
	"time"
)

func TestTorn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "a": false, "\x1b": true, "a\x1b": true, "\x1b[": true, "\x1b[1;5": true, "\x1b[A": false, "\x1bO": true,
		"\x1bOP": false, "\x1ba": false, "\x1b[200~pasted": false, "\x1b[A\x1b": true, "\x1b[<0;1": true, "ж": false,
	} {
		if got := torn([]byte(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// A key that arrives in pieces is one read, whatever the pieces; a lone Esc arrives alone.
func TestInputJoins(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	seen, gone := make(chan bool, 16), false
	in := input{File: r, seen: func() { seen <- true }, gone: func() { gone = true }}
	const patience = 10 * time.Second // for the pieces of a test on a busy machine
	buffer := make([]byte, 256)
	for _, pieces := range [][]string{{"\x1b", "[A"}, {"\x1b[1", ";5", "C"}, {"\x1b"}, {"x"}} {
		whole := ""
		if in.join = patience; len(pieces) == 1 {
			in.join = 0
		}
		got := make(chan string, 1)
		go func() {
			n, _ := in.Read(buffer)
			got <- string(buffer[:n])
		}()
		for n, piece := range pieces {
			if n > 0 {
				time.Sleep(joinTime / 6) // the network between two packets
			}
			whole += piece
			if _, err := w.WriteString(piece); err != nil {
				t.Fatal(err)
			}
		}
		if text := <-got; text != whole {
			t.Errorf("%q arrived as %q", pieces, text)
		}
		<-seen
	}
	if gone {
		t.Error("it is gone while there is somebody")
	}
	w.Close()
	if n, err := in.Read(buffer); n != 0 || err == nil || !gone {
		t.Errorf("at the end: %d, %v, gone: %t", n, err, gone)
	}
}
