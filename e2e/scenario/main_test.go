//go:build e2e

package scenario

import (
	"os"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

func TestMain(m *testing.M) { os.Exit(world.Enter(m.Run)) }
