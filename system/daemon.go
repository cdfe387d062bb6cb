package system

import (
	"context"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/demo"
	"github.com/c93d5bcb/sslwizard/system/native"
)

// Serve implements command.Daemon.
func (i *Installer) Serve(ctx context.Context, req steps.ServeRequest) error {
	return native.Serve(ctx, native.ServeOptions{ServeRequest: req})
}

// Demo implements command.Daemon.
func (i *Installer) Demo(ctx context.Context, once bool, say func(string), check func(steps.Check)) error {
	return demo.Run(ctx, demo.Options{Once: once, Say: say, Check: check})
}
