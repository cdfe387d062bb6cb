package native

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// DrainTime is how long the service answers what it has taken when it is told to stop. New connections wait in the
// sockets meanwhile, which systemd keeps, so it is not long; the unit's TimeoutStopSec is longer.
const DrainTime = 10 * time.Second

// loopGarbage is how much garbage there may be before it is collected, in percent of what lives (runtime/debug.SetGCPercent). The
// loops make next to none with a request, so half of what is usual costs nothing that could be measured, and of a WebSocket on
// which nothing is said it takes a fifth (e2e/bench/plane).
const loopGarbage = 50

// ServeOptions are what `sslwizard serve` runs with. Empty folders are the usual ones.
type ServeOptions struct {
	steps.ServeRequest
	Out     io.Writer        // the access log that is in no file, one JSON object per line; nil: standard output
	Err     io.Writer        // what goes wrong; nil: standard error
	Drain   time.Duration    // 0: DrainTime
	Machine string           // file that identifies this host; empty: /etc/machine-id
	Signals <-chan os.Signal // nil: the process's; SIGHUP reloads, anything else ends
}

func (o ServeOptions) withDefaults() ServeOptions {
	for _, d := range []struct {
		field    *string
		standard string
	}{{&o.SitesDir, steps.SitesDir}, {&o.CertsDir, steps.CertsDir}, {&o.Webroot, steps.Webroot}, {&o.LogDir, steps.LogDir},
		{&o.Machine, machineID}} {
		if *d.field == "" {
			*d.field = d.standard
		}
	}
	if runtime := os.Getenv("RUNTIME_DIRECTORY"); runtime != "" {
		o.Control = cmp.Or(o.Control, runtime+"/"+controlName)
		o.Metrics = cmp.Or(o.Metrics, runtime+"/"+metricsName)
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.Err == nil {
		o.Err = os.Stderr
	}
	if o.Drain == 0 {
		o.Drain = DrainTime
	}
	return o
}

// Serve serves the stored sites until the context ends or a signal says so, and drains then. It fails when there is
// nothing that it can serve or no socket to serve on.
func Serve(ctx context.Context, o ServeOptions) error {
	o = o.withDefaults()
	if o.Signals == nil {
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
		defer signal.Stop(signals)
		o.Signals = signals
	}
	if !slices.Contains([]string{"", proxy.EngineStd, proxy.EngineLoop}, o.Engine) {
		return fmt.Errorf("cannot serve with the engine %q: there are %s and %s", o.Engine, proxy.EngineStd, proxy.EngineLoop)
	}
	if o.Engine == proxy.EngineLoop && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(loopGarbage)
	}
	d := newDaemon(o)
	defer d.diary.end() // the last, for the others may have something to say
	defer d.access.end()
	listeners, err := openListeners(o.ServeRequest, os.Getenv)
	if err != nil {
		return err
	}
	defer listeners.close()
	if err := d.start(); err != nil {
		return err
	}
	return d.run(ctx, listeners)
}

// openDoors opens what the service is asked at by its own host: control and metrics.
func (d *daemon) openDoors(l listeners) error {
	if path := d.options.Control; path != "" {
		control, err := d.listenControl(path)
		if err != nil {
			return err
		}
		d.doors = append(d.doors, control)
	}
	if address := d.options.Metrics; address != "" {
		metrics, err := d.listenMetrics(address, l)
		if err != nil {
			d.closeDoors()
			return err
		}
		d.doors = append(d.doors, metrics)
	}
	return nil
}

func (d *daemon) closeDoors() {
	for _, door := range d.doors {
		_ = door.Close()
	}
	d.doors = nil
}

// daemon is the running service.
type daemon struct {
	options ServeOptions
	diary   *logWriter // what the log is written by: whoever reads it may stand still
	log     *slog.Logger
	server  *proxy.Server
	notify  notifier
	started time.Time
	traffic traffic
	access  *accessLog
	program program
	folder  *folder // where it loads from
	doors   []io.Closer

	mu      sync.Mutex
	hash    string // of what is served, "" when that is not everything
	lastErr string // of the last load
	reloads uint64 // loads that were tried
}

func newDaemon(o ServeOptions) *daemon {
	var log *slog.Logger
	diary := newLogWriter(standing{o.Err}, new(atomic.Uint64), 0, func(err error) {
		log.Error("cannot write this log: lines are lost", "error", oneLine(err))
	})
	log = slog.New(slog.NewTextHandler(diary, &slog.HandlerOptions{Level: slog.LevelInfo}))
	d := &daemon{options: o, diary: diary, log: log, notify: newNotifier(os.Getenv), started: time.Now(), program: thisProgram(), folder: newFolder(o)}
	d.access = newAccessLog(o.Out, o.LogDir, log)
	d.server = proxy.New(proxy.Options{Log: log, Key: quicKey(os.Getenv), Engine: o.Engine, Access: func(a proxy.Access) {
		if a.Host == watchdogHost && a.Path == watchdogPath {
			return // the service's question to itself
		}
		d.traffic.count(a)
		d.access.write(a)
	}})
	return d
}

// start loads for the first time. A site that is wrong is left out and told of; only when nothing is left it fails.
func (d *daemon) start() error {
	c, err := load(d.options, d.folder)
	d.access.follow(c.config.Sites)
	if err == nil {
		err = d.server.Swap(c.config)
	}
	if err == nil {
		d.loaded(c.hash, nil)
		return nil
	}
	d.loaded("", err)
	if len(c.config.Sites) == 0 || salvage(d.server, c.config) != nil && d.server.Status().Generation == 0 {
		return &steps.Failure{Text: "cannot serve any of the stored sites", Err: err,
			Fixes: []string{"sslwizard status    shows what is stored"}}
	}
	d.log.Error("a stored site cannot be served, the others are", "error", oneLine(err))
	return nil
}

// reload loads everything anew and swaps it whole, or has the program that took this one's place do it; with an error
// everything stays as it was. It reports whether another program serves now.
func (d *daemon) reload(l listeners) (followed bool) {
	d.notify.send("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(monotonic().Microseconds(), 10))
	if d.program.replaced() {
		return d.succeed(l)
	}
	c, err := load(d.options, d.folder)
	if err == nil {
		err = d.server.Swap(c.config)
	}
	d.loaded(c.hash, err)
	if err != nil {
		d.log.Error("cannot take the new configuration, the old one stays", "error", oneLine(err))
	} else {
		d.access.follow(c.config.Sites)
		d.log.Info("new configuration", "generation", d.server.Status().Generation, "sites", len(c.config.Sites))
	}
	d.notify.send("READY=1\nSTATUS=" + d.summary())
	return false
}

// succeed hands over to the program that is there now.
func (d *daemon) succeed(l listeners) bool {
	pid, err := d.handOver(l)
	if err == nil {
		d.log.Info("a new program serves; what this one has taken it answers", "pid", pid)
		d.notify.send(fmt.Sprintf("MAINPID=%d\nREADY=1", pid))
		return true
	}
	err = fmt.Errorf("cannot hand over to the new program: %w", err)
	d.log.Error("the old program goes on", "error", oneLine(err))
	d.loaded("", err)
	d.notify.send("READY=1\nSTATUS=" + d.summary())
	return false
}

// loaded notes what came of a load.
func (d *daemon) loaded(hash string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reloads++
	d.lastErr = ""
	if err != nil {
		d.lastErr = steps.Clean(err.Error())
		return // what is served is what was served before
	}
	d.hash = hash
}

func (d *daemon) summary() string {
	s := d.status()
	text := fmt.Sprintf("serving %d sites, generation %d", len(s.Leaves), s.Generation)
	if s.Error != "" {
		text += "; the last load failed"
	}
	return text
}

// slim gives back what memory was for reading the sites and is for nothing now.
func slim() {
	debug.FreeOSMemory()
	dropProgramPages()
}

// run serves until it is told to end.
func (d *daemon) run(parent context.Context, l listeners) error {
	ctx, stop := context.WithCancel(parent)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(l.http, l.https) }()
	follow()
	go d.serveHTTP3(l.http3) // not before: of two programs that read one socket each gets half of every connection
	if err := d.openDoors(l); err != nil {
		return errors.Join(err, d.end(served))
	}
	defer d.closeDoors()
	d.notify.send("READY=1\nSTATUS=" + d.summary())
	slim()
	go d.watchdog(ctx, l)
	for {
		select {
		case s := <-d.options.Signals:
			if s == syscall.SIGHUP {
				if !d.reload(l) {
					slim()
					continue
				}
				stop() // the watchdog hears of the other one now
				return d.retire(parent, served)
			}
		case err := <-served:
			return fmt.Errorf("cannot serve any longer: %w", err)
		case <-ctx.Done():
		}
		return d.end(served)
	}
}

// end drains.
func (d *daemon) end(served <-chan error) error {
	d.notify.send("STOPPING=1\nSTATUS=answering what was taken")
	ctx, cancel := context.WithTimeout(context.Background(), d.options.Drain)
	defer cancel()
	return errors.Join(undue(d.server.Shutdown(ctx)), <-served)
}

// undue is an error of a drain that is a failure: that time ran out is the expected end.
func undue(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// oneLine is an error for the log.
func oneLine(err error) string { return steps.CleanLine(err.Error()) }
