package apply

import "syscall"

// full is what a full disk says.
type full struct{}

func (full) Error() string        { return "no space left on device" }
func (full) Is(target error) bool { return target == syscall.ENOSPC }
