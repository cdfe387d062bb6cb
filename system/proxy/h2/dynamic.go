package h2

import (
	"bytes"
	"hash/maphash"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// dynamic is what a client was told and can be referred to (RFC 7541 section 2.3.2). Only what comes for the second time
// is put there, so that what is different in each answer does not push out the rest.
type dynamic struct {
	entries []entry // the oldest first
	size    int     // as RFC 7541 section 4.1 counts it
	lack    int     // of tableSize, for the client does not have that much
	low     int     // the most that was lacking since the client was told
	changed bool    // it has to be told
	seen    [64]uint32
}

// entry is a field, and its hash.
type entry struct {
	hash uint64
	text []byte // the name in small letters, and the value
	name int    // bytes of the name
}

const entryOverhead = 32

var seed = maphash.MakeSeed()

func hashOf(f h1.Field) uint64 {
	return maphash.Bytes(seed, f.Name)*31 + maphash.Bytes(seed, f.Value)
}

// limit takes what the client has room for.
func (d *dynamic) limit(most uint32) {
	lack := tableSize - int(min(most, tableSize))
	if lack == d.lack && !d.changed {
		return
	}
	if !d.changed {
		d.low = lack
	}
	d.lack, d.low, d.changed = lack, max(d.low, lack), true
	d.evict(0)
}

// begin begins a block: with what has changed (section 4.2). Where there was less room in between, both begin from
// nothing: the library of x/net, and whoever uses it, takes two sizes for one only then.
func (d *dynamic) begin(b []byte) []byte {
	if !d.changed {
		return b
	}
	d.changed = false
	if d.low > d.lack {
		d.entries, d.size = nil, 0
		b = append(b, 0x20)
	}
	return appendInteger(b, 0x20, 5, tableSize-d.lack)
}

// append appends a field: as what the client knows, where it does.
func (d *dynamic) append(b []byte, f h1.Field) []byte {
	hash := hashOf(f)
	for i := len(d.entries) - 1; i >= 0; i-- {
		if e := &d.entries[i]; e.hash == hash && e.is(f) {
			return appendInteger(b, 0x80, 7, staticSize+len(d.entries)-i)
		}
	}
	slot := &d.seen[hash%uint64(len(d.seen))]
	again := *slot == uint32(hash>>32)
	*slot = uint32(hash >> 32)
	if !again || !d.keeps(f) {
		return appendLiteral(b, 0, 4, f)
	}
	d.add(f, hash)
	return appendLiteral(b, 0x40, 6, f)
}

func (e *entry) is(f h1.Field) bool {
	return len(f.Name) == e.name && bytes.EqualFold(f.Name, e.text[:e.name]) && bytes.Equal(f.Value, e.text[e.name:])
}

// keeps reports whether a field may be referred to. A cookie may not: what it is must not show in how long answers are.
func (d *dynamic) keeps(f h1.Field) bool {
	return len(f.Name)+len(f.Value)+entryOverhead <= (tableSize-d.lack)/2 && !bytes.EqualFold(f.Name, []byte("set-cookie"))
}

func (d *dynamic) add(f h1.Field, hash uint64) {
	size := len(f.Name) + len(f.Value) + entryOverhead
	d.evict(size)
	text := append(appendLower(make([]byte, 0, size-entryOverhead), f.Name), f.Value...)
	d.entries = append(d.entries, entry{hash, text, len(f.Name)})
	d.size += size
}

// evict makes room (section 4.4).
func (d *dynamic) evict(size int) {
	n := 0
	for n < len(d.entries) && d.size+size > tableSize-d.lack {
		d.size -= len(d.entries[n].text) + entryOverhead
		n++
	}
	rest := copy(d.entries, d.entries[n:])
	clear(d.entries[rest:])
	d.entries = d.entries[:rest]
}
