package proxy

import (
	"net/textproto"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// introduction is what an upstream is told of a visitor. It is the same for one request of a connection after the other, as long as
// they are for the same name of a site that was not changed meanwhile, by the same client.
type introduction struct {
	site       *site
	name, from string
	host       string
	lines      []byte
}

// introduce returns that of this request.
func (j *job) introduce() *introduction {
	x, t := &j.x, &j.on.introduced
	if t.site == x.site && t.name == x.name && t.from == x.from {
		return t
	}
	own := j.worker.own[:0]
	set := func(name, value string) {
		name = textproto.CanonicalMIMEHeaderKey(name)
		for i := range own {
			if own[i].name == name {
				own[i].value = value
				return
			}
		}
		own = append(own, fieldText{name, value})
	}
	name := strings.Clone(x.name)         // else the head of a request stays with it
	*t = introduction{lines: t.lines[:0]} // for nobody, until it is whole
	t.host = x.site.forwarded(x.table, visitor{name: name, from: x.from, scheme: x.scheme(), secure: x.secure, tls: x.in.TLS}, set)
	for _, f := range own {
		t.lines = h1.AppendText(t.lines, f.name, f.value)
	}
	j.worker.own = own[:0]
	t.site, t.name, t.from = x.site, name, x.from
	return t
}
