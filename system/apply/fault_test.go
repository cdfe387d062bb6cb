package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// full is what a full disk says.
type full struct{}

func (full) Error() string        { return "no space left on device" }
func (full) Is(target error) bool { return target == syscall.ENOSPC }

// TestFolderOfOthers: who is told that a folder is not safe is told which, why, and what to type.
func TestFolderOfOthers(t *testing.T) {
	t.Parallel()
	err := diskFault(fmt.Errorf("cannot write /etc/nginx/conf.d/x: %w", &host.FolderError{Folder: "/etc/nginx/conf.d", Reason: "it is writable by everybody (mode 0777)"}))
	f, ok := errors.AsType[*steps.Failure](err)
	if !ok || f.Code != "H18" || !strings.Contains(err.Error(), "mode 0777") || !strings.Contains(strings.Join(f.Fixes, "\n"), "sudo chown root:root /etc/nginx/conf.d && sudo chmod go-w /etc/nginx/conf.d") {
		t.Errorf("%v", err)
	}
}

// TestDiskFaults: what a disk refuses has a name and a way on, however deep it stands in the error.
func TestDiskFaults(t *testing.T) {
	t.Parallel()
	for errno, want := range map[syscall.Errno]string{syscall.ENOSPC: "H06", syscall.EDQUOT: "H06", syscall.EROFS: "H07", syscall.EIO: "H08"} {
		var f *steps.Failure
		err := diskFault(fmt.Errorf("cannot write /etc/x: %w", &fs.PathError{Op: "fsync", Path: "/etc/x", Err: errno}))
		if !errors.As(err, &f) || f.Code != want || len(f.Fixes) == 0 || !errors.Is(err, errno) {
			t.Errorf("%v is %v", errno, err)
		}
		failures.MetError(t, err)
	}
}
