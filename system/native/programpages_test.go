package native

import (
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// TestProgramSpans: only what can be had from the file again is given up.
func TestProgramSpans(t *testing.T) {
	t.Parallel()
	mapped := func(at, mode, file, anonymous, swap string) string {
		return at + " " + mode + " 00000000 fe:00 10   " + file + "\nRss: 100 kB\nAnonymous: " + anonymous + " kB\nSwap: " + swap + " kB\nVmFlags: rd mr mw\n"
	}
	const file = "/usr/bin/ssl wizard"
	smaps := mapped("00100000-00200000", "r-xp", "/usr/lib/libc.so.6", "0", "0") + mapped("00400000-00800000", "r-xp", file, "0", "0") +
		mapped("00800000-00900000", "r--p", file, "4", "0") + mapped("00900000-00a00000", "rw-p", file, "0", "0") +
		mapped("00a00000-00b00000", "r--s", file, "0", "0") + mapped("00b00000-00c00000", "r--p", file, "0", "232") +
		mapped("00c00000-00d00000", "r--p", file, "0", "0") + "00d00000-00e00000 r--p 00000000 fe:00 10 " + file + "\nAnonymous: 0 kB\nVmFlags: rd\n" +
		mapped("00e00000-00f00000", "r--p", "", "0", "0") + mapped("00f00000-01000000", "r--p", file, "0", "0")
	want := []span{{0x400000, 0x800000}, {0xc00000, 0xd00000}}
	if got := programSpans(strings.NewReader(smaps), file); !reflect.DeepEqual(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestDropProgramPages: less of the program is in memory, and it goes on.
func TestDropProgramPages(t *testing.T) {
	before := programKB(t)
	if size := dropProgramPages(); size < 1<<20 {
		t.Errorf("only %d bytes of the program are mapped so that they could be given up", size)
	}
	if after := programKB(t); after >= before {
		t.Errorf("%d kB of the program are in memory, %d before", after, before)
	}
}

// programKB is what of the program is in memory, in KiB.
func programKB(t *testing.T) (sum int) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if strings.Contains(words[0], "-") {
			ours = words[len(words)-1] == self
		}
		if ours && words[0] == "Rss:" {
			kb, _ := strconv.Atoi(words[1])
			sum += kb
		}
	}
	return sum
}
