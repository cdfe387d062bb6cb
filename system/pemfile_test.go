package system

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestPEMFilesEnd: who names a file that has no end, or none of the sort, is told so.
func TestPEMFilesEnd(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/dev/zero": "cannot read the CA file: /dev/zero is larger than 4M",
		"/dev/null": "cannot use /dev/null as a CA file: there is no PEM certificate in it",
		"/nowhere":  "cannot read the CA file: open /nowhere: no such file or directory",
	} {
		_, err := rootsOf(path)
		if err == nil || steps.CleanLine(err.Error()) != want {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	if _, err := clientPair("/dev/zero", "/dev/zero"); err == nil || err.Error() != "cannot use the client's certificate: /dev/zero is larger than 4M" {
		t.Errorf("client pair: %v", err)
	}
}
