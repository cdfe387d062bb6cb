// Package xconnect has the server of net/http offer extended CONNECT (RFC 8441), which is how a WebSocket is opened over
// HTTP/2. net/http looks for that in the environment, once, when it is initialised, and no setting of a module reaches it
// there. Go initialises packages in the order of their import paths as soon as what they import is, and this one sorts
// before net/http; it must import nothing but os.
package xconnect

import "os"

const variable = "GODEBUG"

var before, was = os.LookupEnv(variable)

func init() {
	setting := "http2xconnect=1"
	if before != "" {
		setting = before + "," + setting
	}
	_ = os.Setenv(variable, setting) // the name is right, so it cannot fail
}

// Restore makes the environment what it was, for the programs that are started from here.
func Restore() {
	if was {
		_ = os.Setenv(variable, before)
		return
	}
	_ = os.Unsetenv(variable)
}
