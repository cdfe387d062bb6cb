package native

import (
	"crypto/sha256"
	"errors"
	"testing"
)

// TestKept: what was made is made again when its content is another one, when it was not asked for in between, and when it failed.
func TestKept(t *testing.T) {
	t.Parallel()
	var k kept[int]
	created := 0
	ask := func(name, content string) int {
		t.Helper()
		it, err := k.of(name, sha256.Sum256([]byte(content)), func() (int, error) { created++; return created, nil })
		if err != nil || it != k.last(name) {
			t.Fatalf("%s is %d, last %d: %v", name, it, k.last(name), err)
		}
		return it
	}
	wrong := errors.New("wrong")
	if _, err := k.of("c", sha256.Sum256(nil), func() (int, error) { return 7, wrong }); !errors.Is(err, wrong) {
		t.Fatal(err)
	}
	a, b := ask("a", "1"), ask("b", "1")
	k.turn()
	if again := ask("a", "1"); again != a {
		t.Errorf("the same is made again")
	}
	if other := ask("b", "2"); other == b {
		t.Errorf("another content is taken for the one before")
	}
	if before := created; ask("c", "") == 7 || created == before {
		t.Errorf("what failed is kept")
	}
	k.turn()
	ask("b", "2")
	k.turn()
	if again := ask("a", "1"); again == a {
		t.Errorf("what is not there any more is kept")
	}
}
