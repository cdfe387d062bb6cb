package native

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// span is a part of the address space, of whole pages.
type span struct{ from, to uintptr }

// dropProgramPages has the kernel unmap what it mapped of the program's file, most of which was for the start, or is of the
// installer. What is used is mapped again from the page cache when it is touched; the rest is in nobody's resident memory any more
// (madvise(2), MADV_DONTNEED). It returns how many bytes such mappings span, 0 where the kernel does not tell of them.
func dropProgramPages() (size uintptr) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return 0
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return 0
	}
	defer maps.Close()
	for _, s := range programSpans(maps, self) {
		if _, _, e := unix.Syscall(unix.SYS_MADVISE, s.from, s.to-s.from, unix.MADV_DONTNEED); e == 0 {
			size += s.to - s.from
		}
	}
	return size
}

// programSpans finds, in what /proc/PID/smaps says, what is mapped of a file and can be had from it again: nothing of it can be
// written, and no page of it, in memory or swapped out, is the process's own, as one is that was written when a program that may
// be anywhere was linked at its start. What does not say so is left alone. Nothing is read behind the mappings of the file: what
// follows is the heap, which takes the kernel long.
func programSpans(smaps io.Reader, file string) (spans []span) {
	var here span
	own := map[string]string{} // what is said of the pages of the process's own
	seen := false
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) >= 5 && strings.Contains(words[0], "-"):
			here, own = span{}, map[string]string{}
			ours := strings.Join(words[5:], " ") == file
			if seen && !ours {
				return spans
			}
			if seen = seen || ours; ours && strings.HasPrefix(words[1], "r-") && strings.HasSuffix(words[1], "p") {
				_, _ = fmt.Sscanf(words[0], "%x-%x", &here.from, &here.to) // of what is no span nothing is given up
			}
		case len(words) == 3:
			own[words[0]] = words[1]
		case len(words) > 0 && words[0] == "VmFlags:" && here.to > here.from && own["Anonymous:"] == "0" && own["Swap:"] == "0":
			spans = append(spans, here)
		}
	}
	return spans
}
