//go:build linux && amd64

package trace

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// program is the seccomp filter: it stops the caller at the calls of the table, and lets all others go at once.
func program() []byte {
	var code []byte
	add := func(op uint16, jt, jf uint8, k uint32) {
		code = binary.LittleEndian.AppendUint16(code, op)
		code = append(code, jt, jf)
		code = binary.LittleEndian.AppendUint32(code, k)
	}
	const load, equal, give = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	const numberAt = 0
	add(load, 0, 0, numberAt)
	for _, number := range slices.Sorted(maps.Keys(calls)) {
		add(equal, 0, 1, uint32(number))
		add(give, 0, 0, unix.SECCOMP_RET_TRACE)
	}
	add(give, 0, 0, unix.SECCOMP_RET_ALLOW)
	return code
}

// install puts the filter into a program that is stopped before its first instruction, by having it make the system
// call itself: its first bytes and its stack are borrowed for that.
func install(pid int) error {
	var saved unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &saved); err != nil {
		return err
	}
	code := program()
	header := make([]byte, 16) // struct sock_fprog
	base := saved.Rsp - 65536
	binary.LittleEndian.PutUint16(header, uint16(len(code)/8))
	binary.LittleEndian.PutUint64(header[8:], base+16)
	borrowed := make([]byte, 8)
	if _, err := unix.PtracePeekText(pid, uintptr(saved.Rip), borrowed); err != nil {
		return err
	}
	if _, err := unix.PtracePokeData(pid, uintptr(base), append(header, code...)); err != nil {
		return err
	}
	if _, err := unix.PtracePokeText(pid, uintptr(saved.Rip), []byte{0x0f, 0x05, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc}); err != nil { // syscall; int3
		return err
	}
	regs := saved
	regs.Rax, regs.Orig_rax = unix.SYS_SECCOMP, ^uint64(0)
	regs.Rdi, regs.Rsi, regs.Rdx = unix.SECCOMP_SET_MODE_FILTER, 0, base
	if err := unix.PtraceSetRegs(pid, &regs); err != nil {
		return err
	}
	if err := unix.PtraceCont(pid, 0); err != nil {
		return err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil || !status.Stopped() {
		return fmt.Errorf("the program ended when it got its filter (%v): %w", status, cmp.Or(err, error(unix.ESRCH)))
	}
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	if regs.Rax != 0 {
		return fmt.Errorf("the program got no filter: %w", syscall.Errno(-int64(regs.Rax)))
	}
	if _, err := unix.PtracePokeText(pid, uintptr(saved.Rip), borrowed); err != nil {
		return err
	}
	return unix.PtraceSetRegs(pid, &saved)
}
