package diff

import "slices"

type kind byte

const (
	keep   kind = ' '
	remove kind = '-'
	add    kind = '+'
)

// edit is one line of the script; a and b are the indices of the next line on each side.
type edit struct {
	kind kind
	a, b int
}

// maxEffort bounds the search: beyond this many differences the rest is printed as removed and added as a whole. The
// result stays a correct diff, only not the shortest.
const maxEffort = 1000

// script returns the shortest edit script from a to b (Myers, "An O(ND) Difference Algorithm", 1986), or beyond
// maxEffort a longer one.
func script(a, b []string) []edit {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var out []edit
	for i := range head {
		out = append(out, edit{keep, i, i})
	}
	middle := shortest(a[head:len(a)-tail], b[head:len(b)-tail])
	for _, e := range middle {
		out = append(out, edit{e.kind, e.a + head, e.b + head})
	}
	for i := tail; i > 0; i-- {
		out = append(out, edit{keep, len(a) - i, len(b) - i})
	}
	return out
}

func shortest(a, b []string) []edit {
	trace, ok := search(a, b)
	if !ok {
		return replace(a, b)
	}
	var out []edit
	x, y := len(a), len(b)
	for d := len(trace) - 1; d >= 0; d-- {
		v, k := trace[d], x-y
		prev := k - 1
		if k == -d || k != d && v.at(k-1) < v.at(k+1) {
			prev = k + 1
		}
		px := v.at(prev)
		py := px - prev
		if d == 0 {
			px, py = 0, 0
		}
		for x > px && y > py && x > 0 && y > 0 {
			x, y = x-1, y-1
			out = append(out, edit{keep, x, y})
		}
		if d == 0 {
			break
		}
		if x == px {
			y--
			out = append(out, edit{add, x, y})
		} else {
			x--
			out = append(out, edit{remove, x, y})
		}
	}
	slices.Reverse(out)
	return out
}

// frontier holds the furthest x for each diagonal from -d to d.
type frontier struct {
	d int
	x []int
}

func (f frontier) at(k int) int {
	if k < -f.d || k > f.d {
		return -1
	}
	return f.x[k+f.d]
}

// search returns the frontier before each number of differences.
func search(a, b []string) ([]frontier, bool) {
	now := frontier{1, []int{0, 0, 0}}
	var trace []frontier
	for d := 0; d <= len(a)+len(b); d++ {
		if d > maxEffort {
			return nil, false
		}
		trace = append(trace, now)
		next := frontier{d + 1, make([]int, 2*d+3)}
		for k := -d; k <= d; k += 2 {
			x := now.at(k-1) + 1
			if k == -d || k != d && now.at(k-1) < now.at(k+1) {
				x = now.at(k + 1)
			}
			if d == 0 {
				x = 0
			}
			y := x - k
			for x < len(a) && y < len(b) && a[x] == b[y] {
				x, y = x+1, y+1
			}
			next.x[k+d+1] = x
			if x >= len(a) && y >= len(b) {
				return trace, true
			}
		}
		now = next
	}
	return nil, false
}

func replace(a, b []string) []edit {
	var out []edit
	for i := range a {
		out = append(out, edit{remove, i, 0})
	}
	for i := range b {
		out = append(out, edit{add, len(a), i})
	}
	return out
}
