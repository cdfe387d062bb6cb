package proxy

import (
	"flag"
	"os"
	"testing"
)

// TestMain has eight tests at work at once, on two processors as well: most of them wait for a time-out to come, and one
// after the other they waited for a minute and a half.
func TestMain(m *testing.M) {
	if os.Getenv(narrowChild) != "" {
		serveNarrow()
		return
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
