package inspect

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// The facts of the machine that the tests run on can be read, whatever it is.
func TestThisMachine(t *testing.T) {
	begin := time.Now()
	f, err := Gather(t.Context(), host.New(""), Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(f, "", " ")
	t.Logf("in %v: %s, %v", time.Since(begin), text, err)
	if f.Arch == "" || f.Hostname == "" || f.FreeBytes <= 0 || f.Self.Size == 0 || len(f.Self.SHA256) != 64 {
		t.Errorf("the facts of every Linux are missing")
	}
}
