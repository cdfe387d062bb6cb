package native

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// span is a part of the address space, of whole pages.
type span struct{ from, to uintptr }

// dropProgramPages has the kernel unmap what it mapped of the program's file, most of which was for the installer's side of it and
// for the start. What is used is mapped again from the page cache when it is touched, which costs no reading; all else no
// longer counts as memory of the service (madvise(2), MADV_DONTNEED). It returns how many bytes were in such mappings, 0 where the
// kernel does not tell of them.
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
// written, and no page of it is the process's own, as one is that was written when the program was linked at its start.
func programSpans(smaps io.Reader, file string) (spans []span) {
	var here span
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) >= 6 && strings.Contains(words[0], "-"):
			here = span{}
			if path := strings.Join(words[5:], " "); path == file && strings.HasPrefix(words[1], "r-") && words[1][3] == 'p' {
				here = parseSpan(words[0])
			}
		case len(words) >= 5 && strings.Contains(words[0], "-"): // of no file
			here = span{}
		case len(words) == 3 && words[0] == "Anonymous:" && words[1] == "0" && here.to > here.from:
			spans = append(spans, here)
		}
	}
	return spans
}

func parseSpan(text string) (s span) {
	from, to, _ := strings.Cut(text, "-")
	a, err1 := strconv.ParseUint(from, 16, int(unsafe.Sizeof(s.from))*8)
	b, err2 := strconv.ParseUint(to, 16, int(unsafe.Sizeof(s.to))*8)
	if err1 != nil || err2 != nil {
		return span{}
	}
	return span{uintptr(a), uintptr(b)}
}
