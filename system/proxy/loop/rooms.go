package loop

// Rooms are buffers for writing that wait for their next use. They belong to one goroutine.
type Rooms struct {
	New   int // bytes that a new one has room for; a smaller one is not kept
	Most  int // a larger one is not kept; 0: however large
	Spare int // how many are kept
	free  [][]byte
}

// Take is an empty one.
func (r *Rooms) Take() []byte {
	if n := len(r.free); n > 0 {
		room := r.free[n-1]
		r.free = r.free[:n-1]
		return room
	}
	return make([]byte, 0, r.New)
}

// Give keeps one that is not used any more; nobody else may have it.
func (r *Rooms) Give(room []byte) {
	if len(r.free) < r.Spare && cap(room) >= r.New && (r.Most == 0 || cap(room) <= r.Most) {
		r.free = append(r.free, room[:0])
	}
}
