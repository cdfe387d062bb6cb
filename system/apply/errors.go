package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

func failf(format string, args ...any) *steps.Failure {
	return &steps.Failure{Text: steps.Clean(fmt.Sprintf(format, args...))}
}

func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// cancelled is the end of a run that the user stopped.
func cancelled(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return &steps.Failure{Text: "cannot go on: the run was stopped", Status: steps.ExitCancelled}
}

// diskFault gives the errors of a disk that is full, broken, read-only or in the hands of others their name and the ways
// on.
func diskFault(err error) error {
	if unsafe, ok := errors.AsType[*host.FolderError](err); ok {
		folder := steps.CleanLine(unsafe.Folder)
		return &steps.Failure{Text: "cannot write: somebody beside root could swap what is written", Code: "H18", Err: err,
			Fixes: []string{"ls -ld " + folder + "    shows whose it is", "sudo chown root:root " + folder + " && sudo chmod go-w " + folder + "    then run it again"}}
	}
	if locked, ok := errors.AsType[*host.LockedError](err); ok {
		return &steps.Failure{Text: "cannot write: a flag keeps even root from it", Code: "H20", Err: err,
			Fixes: []string{"lsattr -d " + steps.CleanLine(locked.Path) + "    shows the flag; whoever set it meant something by it", "sudo chattr -i -a " + steps.CleanLine(locked.Path) + "    takes it off; then run it again"}}
	}
	for _, d := range diskFaults {
		if errors.Is(err, d.errno) {
			return &steps.Failure{Text: d.text, Code: d.code, Fixes: []string{d.fix}, Err: err}
		}
	}
	return err
}

var diskFaults = []struct {
	errno           syscall.Errno
	code, text, fix string
}{
	{syscall.ENOSPC, "H06", "cannot write: the disk is full", "make room (df -h, apt-get clean, journalctl --vacuum-size=200M), then run it again"},
	{syscall.EDQUOT, "H06", "cannot write: the disk quota is used up", "make room or raise the quota, then run it again"},
	{syscall.EROFS, "H07", "cannot write: the file system is read-only, often after a disk error", "see dmesg for the cause, then mount it writable again"},
	{syscall.EIO, "H08", "cannot write: the disk did not store the data", "see dmesg and check the disk before anything else"},
}
