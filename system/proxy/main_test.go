package proxy

import (
	"flag"
	"os"
	"testing"
)

// engine is what the tests are about: all of them hold for each.
var engine = flag.String("engine", EngineStd, "the `ENGINE` that is tried")

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
