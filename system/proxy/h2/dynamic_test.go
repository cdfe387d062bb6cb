package h2

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// TestDynamic: whatever fields come, and however the client changes its room, the library of x/net reads what was written,
// and both agree on what is known.
func TestDynamic(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var d dynamic
	reader := hpack.NewDecoder(tableSize, nil)
	for range 3000 {
		if random.IntN(10) == 0 { // several changes may come before the next block
			for range 1 + random.IntN(3) {
				room := uint32(random.IntN(3 * tableSize / 2))
				reader.SetAllowedMaxDynamicTableSize(min(room, tableSize))
				d.limit(room)
			}
		}
		var list []h1.Field
		for range random.IntN(8) {
			list = append(list, fields(fmt.Sprintf("X-%d=%s", random.IntN(20), strings.Repeat("v", random.IntN(3)*random.IntN(400))))...)
		}
		block := d.begin(nil)
		for _, f := range list {
			block = d.append(block, f)
		}
		got, err := reader.DecodeFull(block)
		if err != nil || len(got) != len(list) {
			t.Fatalf("%v for %d fields (%v)", got, len(list), err)
		}
		for i, f := range list {
			if got[i].Name != strings.ToLower(string(f.Name)) || got[i].Value != string(f.Value) {
				t.Fatalf("%q is read as %v", f, got[i])
			}
		}
		if d.size > tableSize-d.lack {
			t.Fatalf("%d bytes are known, and there is room for %d", d.size, tableSize-d.lack)
		}
	}
	if len(d.entries) == 0 {
		t.Error("nothing was ever known")
	}
}

// TestWhatIsKnown: what comes again and again is a byte, what comes once pushes out nothing, and cookies are never known.
func TestWhatIsKnown(t *testing.T) {
	t.Parallel()
	var d dynamic
	size := func(one string) int { return len(d.append(nil, fields(one)[0])) }
	for n, want := range []bool{false, false, true, true} {
		if known := size("Cache-Control=public, max-age=3600") == 1; known != want {
			t.Errorf("after %d times: known is %t", n, known)
		}
	}
	for n := range 1000 {
		size(fmt.Sprintf("X-Request-Id=%d", n))
		if size("Set-Cookie=session=secret") == 1 {
			t.Fatal("a cookie is known")
		}
	}
	if size("CACHE-CONTROL=public, max-age=3600"); size("Cache-Control=public, max-age=3600") != 1 || len(d.entries) > 2 {
		t.Errorf("%d are known", len(d.entries))
	}
	size("X-Long=" + strings.Repeat("x", tableSize))
	if size("X-Long=" + strings.Repeat("x", tableSize)); len(d.entries) > 2 {
		t.Error("what is too long is known")
	}
}
