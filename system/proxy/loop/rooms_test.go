package loop

import "testing"

func TestRooms(t *testing.T) {
	t.Parallel()
	r := Rooms{New: 8, Most: 16, Spare: 2}
	first := append(r.Take(), "12345678"...)
	for _, room := range [][]byte{make([]byte, 0, 7), make([]byte, 0, 17), first, make([]byte, 0, 16), make([]byte, 0, 8)} {
		r.Give(room)
	}
	if len(r.free) != 2 {
		t.Fatalf("%d are kept", len(r.free))
	}
	if got := r.Take(); len(got) != 0 || cap(got) != 16 {
		t.Errorf("%d of %d bytes", len(got), cap(got))
	}
	if got := r.Take(); len(got) != 0 || &got[:1][0] != &first[0] {
		t.Error("the first is not taken again, empty")
	}
	if got := r.Take(); cap(got) != 8 {
		t.Errorf("a new one has room for %d bytes", cap(got))
	}
	r = Rooms{New: 8, Spare: 1}
	if r.Give(make([]byte, 0, 1<<20)); len(r.free) != 1 {
		t.Error("a large one is not kept")
	}
}
