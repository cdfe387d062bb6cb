// Package native is the executor that needs no package: sslwizard itself serves, as a systemd service with socket
// activation, as a user of its own, in a sandbox.
//
// Executor plans its units and Runtime rehearses and reloads them; Serve is the service. The service never writes a
// file and keeps what it has whenever it is told to read something that is wrong.
package native
