package native

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestProgramSpans: only what can be had from the file again is given up.
func TestProgramSpans(t *testing.T) {
	t.Parallel()
	const smaps = `00400000-00800000 r-xp 00000000 fe:00 10   /usr/bin/ssl wizard
Rss:                 100 kB
Anonymous:             0 kB
AnonHugePages:         0 kB
00800000-00900000 r--p 00400000 fe:00 10   /usr/bin/ssl wizard
Anonymous:             4 kB
00900000-00a00000 rw-p 00500000 fe:00 10   /usr/bin/ssl wizard
Anonymous:             0 kB
00a00000-00b00000 r--s 00500000 fe:00 10   /usr/bin/ssl wizard
Anonymous:             0 kB
00b00000-00c00000 r-xp 00000000 fe:00 11   /usr/lib/libc.so.6
Anonymous:             0 kB
00c00000-00d00000 r--p 00000000 00:00 0 
Anonymous:             0 kB
00d00000-00e00000 r--p 00600000 fe:00 10   /usr/bin/ssl wizard
Anonymous:             0 kB
`
	want := []span{{0x400000, 0x800000}, {0xd00000, 0xe00000}}
	if got := programSpans(strings.NewReader(smaps), "/usr/bin/ssl wizard"); !reflect.DeepEqual(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestDropProgramPages: less of the program is in memory, and it goes on.
func TestDropProgramPages(t *testing.T) {
	before := fileKB(t)
	if size := dropProgramPages(); size < 1<<20 {
		t.Errorf("only %d bytes of the program are mapped so that they could be given up", size)
	}
	if after := fileKB(t); after >= before {
		t.Errorf("%d kB of files are in memory, %d before", after, before)
	}
}

// fileKB is what of files is in this process's memory, in KiB.
func fileKB(t *testing.T) (kb int) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssFile:")
	for _, r := range strings.Fields(rest)[0] {
		kb = kb*10 + int(r-'0')
	}
	return kb
}
