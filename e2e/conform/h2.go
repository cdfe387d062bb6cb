package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// field is a field of HTTP/2 as it is sent, right or not.
type field struct{ name, value string }

// stream is a request of HTTP/2.
type stream struct {
	fields   []field
	body     string
	trailers []field
	more     bool // its end is never said
}

// ask sends the request over a connection of its own and returns the answer; status 0 when it was reset.
func (q stream) ask(l *lane, sni string) (answer, error) {
	conn, err := l.dial(sni, "h2")
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		return answer{}, errors.New("no HTTP/2 was agreed on")
	}
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		return answer{}, err
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := errors.Join(framer.WriteSettings(), q.write(framer)); err != nil {
		return answer{}, nil // it was refused while it was sent
	}
	return readStream(framer), nil
}

// maxFrame is the longest frame that everybody takes.
const maxFrame = 16 << 10

func (q stream) write(framer *http2.Framer) error {
	last := q.body == "" && len(q.trailers) == 0 && !q.more
	if err := writeFields(framer, q.fields, last); err != nil {
		return err
	}
	if q.body != "" {
		if err := framer.WriteData(1, len(q.trailers) == 0 && !q.more, []byte(q.body)); err != nil {
			return err
		}
	}
	if len(q.trailers) > 0 {
		return writeFields(framer, q.trailers, !q.more)
	}
	return nil
}

func writeFields(framer *http2.Framer, fields []field, last bool) error {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		if err := encoder.WriteField(hpack.HeaderField{Name: f.name, Value: f.value}); err != nil {
			return err
		}
	}
	first := block.Next(maxFrame)
	err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: first, EndStream: last, EndHeaders: block.Len() == 0})
	for err == nil && block.Len() > 0 {
		part := block.Next(maxFrame)
		err = framer.WriteContinuation(1, block.Len() == 0, part)
	}
	return err
}

// readStream reads the answer to the first request.
func readStream(framer *http2.Framer) answer {
	a := answer{header: map[string][]string{}}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			a.broken = true
			return a
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck() // who has gone needs none
			}
		case *http2.MetaHeadersFrame:
			_, _ = fmt.Sscan(f.PseudoValue("status"), &a.status)
			for _, one := range f.RegularFields() {
				a.header.Add(one.Name, one.Value)
			}
			a.seen = a.header.Get("Seen")
		case *http2.DataFrame:
			a.body += string(f.Data())
			if n := f.Header().Length; n > 0 && !f.StreamEnded() {
				_ = errors.Join(framer.WriteWindowUpdate(0, n), framer.WriteWindowUpdate(1, n)) // who has gone needs none
			}
		case *http2.RSTStreamFrame:
			if a.status < 200 {
				a.status = 0
			}
			a.broken = true
			return a
		case *http2.GoAwayFrame:
			if f.LastStreamID == 0 || f.ErrCode != http2.ErrCodeNo {
				return a
			}
		}
		if frame.Header().StreamID == 1 && frame.Header().Flags.Has(http2.FlagDataEndStream) && a.status >= 200 {
			return a
		}
	}
}

// filled is the request with the lane's names in it.
func (q stream) filled(fill *strings.Replacer) stream {
	change := func(all []field) []field {
		var out []field
		for _, f := range all {
			out = append(out, field{fill.Replace(f.name), fill.Replace(f.value)})
		}
		return out
	}
	return stream{change(q.fields), fill.Replace(q.body), change(q.trailers), q.more}
}
