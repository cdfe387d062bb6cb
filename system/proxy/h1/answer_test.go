package h1

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answerTexts are answers to GET and the bodies that they have, as far as they have come; "-": the head is refused.
var answerTexts = map[string]string{
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd":                                     "abc",
	"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabcd":                                        "abc",
	"HTTP/1.1 200 OK\nContent-Length: 3\nContent-Length: 03\n\nabcd":                       "abc",
	"HTTP/1.0 200 OK\r\nX Y: z\r\n\r\nall of it":                                           "all of it",
	"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc":                              "",
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc":                            "",
	"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 3\r\n\r\nabcd":                    "abcd",
	"HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\n\r\n":         "",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\nx": "abc",
	"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc":                                     "-",
	"HTTP/1.1 200 OK\r\nTransfer_Encoding: chunked\r\n\r\n":                                "-",
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd":                "-",
	"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n":                                                "-",
	"HTTP/1.1 200 OK\r\nX\r\n\r\n":                                                         "-",
	"HTTP/1.1 2000 OK\r\n\r\n":                                                             "-",
	"HTTP/1.1 099 OK\r\n\r\n":                                                              "-",
	"HTTP/3 200 OK\r\n\r\n":                                                                "-",
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for text, want := range answerTexts {
		end := scanned(t, text)
		var a Answer
		if err := a.Read([]byte(text[:end])); err != nil {
			if want != "-" {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if body, _, _ := readAll(a.Body(false), []byte(text[end:])); string(body) != want {
			t.Errorf("%q: the body %q, want %q", text, body, want)
		}
		left, known := (&a).bodyOf(true)
		if !a.Switches() && (!known || left != 0) {
			t.Errorf("%q: an answer to HEAD has a body", text)
		}
	}
}

func (a *Answer) bodyOf(toHEAD bool) (uint64, bool) {
	b := a.Body(toHEAD)
	return b.Left()
}

// TestAnswerCloses: when its connection can be used again.
func TestAnswerCloses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\n\r\n":                           false,
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n":      true,
		"HTTP/1.0 200 OK\r\n\r\n":                           true,
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n": false,
	} {
		var a Answer
		if err := a.Read([]byte(text)); err != nil || a.Close != want {
			t.Errorf("%q: closes %t, want %t (%v)", text, a.Close, want, err)
		}
	}
}

// FuzzAnswer: net/http takes the same body from every answer that is taken here.
func FuzzAnswer(f *testing.F) {
	for text := range answerTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var scan Scan
		end := scan.End([]byte(text))
		var a Answer
		if end == 0 || a.Read([]byte(text[:end])) != nil || a.Status < 200 {
			return
		}
		body, _, whole := readAll(a.Body(false), []byte(text[end:]))
		theirs, err := http.ReadResponse(bufio.NewReaderSize(strings.NewReader(text), 1<<20), nil)
		if err != nil || !whole {
			return
		}
		got, err := io.ReadAll(theirs.Body)
		if err == nil && (string(got) != string(body) || theirs.StatusCode != a.Status) {
			t.Errorf("%q: %d %q, for net/http %d %q", text, a.Status, body, theirs.StatusCode, got)
		}
	})
}
