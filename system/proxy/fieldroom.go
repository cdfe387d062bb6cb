package proxy

import (
	"strconv"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// fieldRoom is room for the fields of a message that is put together. What is in it is good until the next begins.
type fieldRoom struct {
	fields []h1.Field
	text   []byte
}

func (r *fieldRoom) begin() { r.fields, r.text = r.fields[:0], r.text[:0] }

// add adds a field as it is.
func (r *fieldRoom) add(f h1.Field) { r.fields = append(r.fields, f) }

// say adds a field of ours.
func (r *fieldRoom) say(name, value string) {
	r.fields = append(r.fields, h1.Field{Name: r.keep(name), Value: r.keep(value)})
}

// sayNumber adds a field of ours whose value is a number.
func (r *fieldRoom) sayNumber(name string, n uint64) {
	key, at := r.keep(name), len(r.text)
	r.text = strconv.AppendUint(r.text, n, 10)
	r.fields = append(r.fields, h1.Field{Name: key, Value: r.text[at:len(r.text):len(r.text)]})
}

// keep copies a text. When the room grows, what is there stays where it is.
func (r *fieldRoom) keep(s string) []byte {
	at := len(r.text)
	r.text = append(r.text, s...)
	return r.text[at:len(r.text):len(r.text)]
}
