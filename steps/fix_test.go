package steps

import "testing"

func TestSplitFix(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"sslwizard status    lists the sites", "sslwizard status", "lists the sites"},
		{"sudo ss -ltnp    # shows who it is", "sudo ss -ltnp", "shows who it is"},
		{"sudo ss -ltnp\tshows  who it is", "sudo ss -ltnp", "shows who it is"},
		{"  move it away: mv a b", "move it away: mv a b", ""},
		{"rm x\n    y\x1b[2J", "rm x", "y␛[2J"},
		{"", "", ""},
	} {
		if command, comment := SplitFix(c[0]); command != c[1] || comment != c[2] {
			t.Errorf("%q: got %q and %q, want %q and %q", c[0], command, comment, c[1], c[2])
		}
	}
	for text, want := range map[string]string{
		"rm x  y\nz\x1b":      "rm x    y z␛",
		"type\r\nthis":        "type this",
		"just this\u202e one": "just this␛ one",
	} {
		if got := CleanFix(text); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
}
