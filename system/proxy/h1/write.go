package h1

import (
	"net/http"
	"strconv"
)

// AppendField appends a line, its name as it is usually written.
func AppendField(b []byte, name, value []byte) []byte {
	b = AppendName(b, name)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// AppendText appends a line of ours.
func AppendText(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// AppendName appends a name as it is usually written: a capital at the beginning and behind each "-".
func AppendName(b, name []byte) []byte {
	capital := true
	for _, c := range name {
		switch {
		case capital && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case !capital && c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		capital = c == '-'
		b = append(b, c)
	}
	return b
}

// AppendStatus appends a status line.
func AppendStatus(b []byte, status int) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	return append(b, "\r\n"...)
}

// AppendChunk appends a chunk with the data; nothing for none, which would be the end of the body.
func AppendChunk(b, data []byte) []byte {
	if len(data) == 0 {
		return b
	}
	b = strconv.AppendInt(b, int64(len(data)), 16)
	b = append(b, "\r\n"...)
	b = append(b, data...)
	return append(b, "\r\n"...)
}

// AppendEnd appends the end of a chunked body.
func AppendEnd(b []byte, trailer []Field) []byte {
	b = append(b, "0\r\n"...)
	for _, f := range trailer {
		b = AppendField(b, f.Name, f.Value)
	}
	return append(b, "\r\n"...)
}
