package h2

// resets are the streams that we reset last. The client may have sent more of them before it knew (RFC 9113 section 5.1).
type resets struct {
	known []wasReset
	next  int // is forgotten next
}

type wasReset struct {
	id     uint32
	window int // bytes that the client may still have sent
}

const resetsKnown = 128

func (r *resets) add(id uint32, window int) {
	if len(r.known) < resetsKnown {
		r.known = append(r.known, wasReset{id, window})
		return
	}
	r.known[r.next] = wasReset{id, window}
	r.next = (r.next + 1) % resetsKnown
}

func (r *resets) find(id uint32) *wasReset {
	for i := range r.known {
		if r.known[i].id == id {
			return &r.known[i]
		}
	}
	return nil
}

func (r *resets) has(id uint32) bool { return r.find(id) != nil }

// takes reports whether so much of a body may have been on its way, and counts it.
func (r *resets) takes(id uint32, n int) bool {
	one := r.find(id)
	if one == nil || one.window < n {
		return false
	}
	one.window -= n
	return true
}
