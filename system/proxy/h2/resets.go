package h2

import "slices"

// resets are the streams that we reset last. The client may have sent more of them before it knew (RFC 9113 section 5.1).
type resets struct {
	ids  []uint32
	next int // is forgotten next
}

const resetsKnown = 128

func (r *resets) add(id uint32) {
	if len(r.ids) < resetsKnown {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.next] = id
	r.next = (r.next + 1) % resetsKnown
}

func (r *resets) has(id uint32) bool { return slices.Contains(r.ids, id) }
