package proxy

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answerTexts are answers to GET, and how many bytes belong to each; -1: it is wrong.
var answerTexts = map[string]int{
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc":                                           41,
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n\r\n":                    41,
	"HTTP/1.1 200 OK\nContent-Length: 3\n\nabcd":                                                38,
	"HTTP/1.1 200 OK\r\ncontent-length:003\r\nContent-Length: 3\r\n\r\nabcd":                    61,
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx":                                             38,
	"HTTP/1.1 204 No Content\r\n\r\nx":                                                          27,
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc":                                 48,
	"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx":  75,
	"HTTP/1.0 200 OK\r\n\r\nall of it":                                                          28,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nx":               60,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n003;a=b\r\nabc\r\n0\r\nX: y\r\n\r\nx": 72,
	"HTTP/1.1 101 Switching Protocols\r\n\r\nanything":                                          44,

	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n":                   -1,
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc":                         -1,
	"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc":                                           -1,
	"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc":                                             -1,
	"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc":                                             -1,
	"HTTP/1.1 200 OK\r\nContent_Length: 3\r\n\r\nabc":                                              -1,
	"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc":                           -1,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n":                         -1,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n":                              -1,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": -1,
	"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":                               -1,
	"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n":                                   -1,
	"HTTP/1.1 200 OK\r\nX: a\rContent-Length: 0\r\n\r\n":                                           -1,
	"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n":                                    -1,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n":                     -1,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n":                  -1,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n":                  -1,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n":                                    -1,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n":                         -1,
	"HTTP/2 200\r\n\r\n":      -1,
	"HTTP/1.1 20 OK\r\n\r\n":  -1,
	"SSH-2.0-OpenSSH\r\n\r\n": -1,
}

// TestAnswers follows each answer byte by byte and at once: the same bytes belong to it.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for text, want := range answerTexts {
		for _, step := range []int{1, 2, 7, len(text)} {
			if got := followAll(text, step); got != want {
				t.Errorf("%q in steps of %d: %d, want %d", text, step, got, want)
			}
		}
	}
}

// followAll returns how many bytes belong to the answer, -1 when it is wrong.
func followAll(text string, step int) int {
	var a answers
	a.expect(false)
	total := 0
	for len(text) > 0 {
		part := text[:min(step, len(text))]
		n, err := a.follow([]byte(part))
		total += n
		switch {
		case err == errUnasked:
			return total
		case err != nil:
			return -1
		}
		text = text[len(part):]
	}
	return total
}

// TestAnswersToHEAD: there is no body, whatever the head says.
func TestAnswersToHEAD(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"} {
		var a answers
		a.expect(true)
		if n, err := a.follow([]byte(text + "abc")); n != len(text) || err != errUnasked {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
}

// FuzzAnswers: where an answer is taken to end, net/http takes it to end too.
func FuzzAnswers(f *testing.F) {
	for text := range answerTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var a answers
		a.expect(false)
		n, err := a.follow([]byte(text))
		if a.state != unasked || err != nil && err != errUnasked {
			return // it is wrong, has not ended, or ends with the connection
		}
		in := bufio.NewReaderSize(strings.NewReader(text), 1<<20)
		for {
			response, err := http.ReadResponse(in, nil)
			if err != nil {
				return // net/http finds something else wrong: then nothing is passed on
			}
			if response.StatusCode >= 100 && response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols {
				continue
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				return
			}
			rest, _ := io.ReadAll(in)
			if read := len(text) - len(rest); read != n {
				t.Errorf("%q: net/http takes %d bytes, not %d", text, read, n)
			}
			return
		}
	})
}
