package nginx

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// settle is how long nginx may take until it serves what it was given. Old workers still answered 0.3 s after a good
// reload when it was measured. With the questions before and after it, what is wrong is known within ten seconds.
const settle = 8 * time.Second

// busy is how many times longer it may take while all that is wrong is that answers do not come: on a busy machine a handshake
// takes seconds, and what is late is not yet refused.
const busy = 4

// Reload has the unit take its configuration and proves by observation that it did, because "systemctl reload" and
// "nginx -s reload" succeed while nginx goes on with the old one: there are new workers, the old ones take no connections any more, and
// every site of ours serves its certificate on loopback, time and again. It fails with N05 if the workers are those that there were, so
// that the old configuration is known to go on; with N06 or N14 otherwise. The error log gives the reason, and is no proof: visitors
// write in it.
func (r Runtime) Reload(ctx context.Context, h host.Host, unit string) error {
	r = r.withDefaults()
	master, err := r.masterOf(ctx, h, unit)
	if err != nil {
		return err
	}
	before := presentWorkers(ctx, h, master)
	log := r.errorLog(h)
	from, err := logSize(ctx, h, log)
	if err != nil {
		return err
	}
	if _, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", "reload", unit}}); err != nil {
		return r.notTaken(ctx, h, master, err)
	}
	settled := time.Now().Add(r.settle)
	change, cancel := context.WithDeadlineCause(ctx, settled, fmt.Errorf("waited for %s", r.settle))
	defer cancel()
	said := func() string { return emergencies(context.WithoutCancel(ctx), h, log, from, master) }
	if err := newWorkers(change, h, master, before, said); err != nil {
		return keptOld(workersOf(h, master), before, log, said(), err)
	}
	if err := oldRetired(change, h, master, before); err != nil {
		return &steps.Failure{
			Text: "cannot see nginx retire its old workers: they still take connections with the old configuration", Code: "N06", Err: err,
			Fixes: []string{"systemctl status " + Unit},
		}
	}
	last, cancel := context.WithTimeoutCause(ctx, busy*r.settle, fmt.Errorf("waited for %s", busy*r.settle))
	defer cancel()
	return r.served(last, h, settled)
}

// notTaken says why the service manager could not reload: mostly a configuration that nginx refuses, or a pid file that does not say
// which process is told (N09).
func (r Runtime) notTaken(ctx context.Context, h host.Host, master int, cause error) error {
	if err := r.Test(ctx, h); err != nil {
		return err
	}
	file := argument(r.mainConfig(h), "pid", defaultPID)
	if f, err := h.ReadFile(file); err == nil && strings.TrimSpace(string(f.Data)) == "" {
		file = steps.CleanLine(file)
		return &steps.Failure{Text: "cannot reload nginx: its pid file " + file + " is empty, and does not say which process is to be told", Code: "N09", Err: cause,
			Fixes: []string{fmt.Sprintf("echo %d | sudo tee %s    writes down nginx as %s runs it now", master, file, Unit), "then run the same again"}}
	}
	return &steps.Failure{Text: "cannot reload nginx", Code: "N05", Err: cause, Fixes: []string{"systemctl status " + Unit}}
}

// keptOld is the failure of a reload that brought no new workers. Only where all the old ones are there it is known what runs: an
// nginx that died of the reload may run again by now, with either configuration.
func keptOld(now, before []worker, log, said string, cause error) error {
	f := &steps.Failure{
		Text: "cannot see nginx take its new configuration: it started no new workers", Code: "N05", Err: cause,
		Fixes: []string{"tail " + log},
	}
	switch {
	case len(before) == 0 || !same(now, before):
		f.Text, f.Code = "cannot see nginx live through the reload: workers of it ended, and it started no new ones", "N14"
		f.Fixes = []string{"systemctl status " + Unit}
	case said != "":
		f.Text, f.Err = "cannot make nginx take its new configuration: it went on with the old one", steps.Declined(said)
		f.Fixes = []string{"the reason is nginx's own, from its error log"}
	}
	return f
}

// same reports whether these are the same workers, in any order.
func same(now, before []worker) bool {
	return len(now) == len(before) && !slices.ContainsFunc(before, func(w worker) bool { return !slices.Contains(now, w) })
}

// masterOf is the process that the service manager knows as nginx.
func (r Runtime) masterOf(ctx context.Context, h host.Host, unit string) (int, error) {
	out, err := h.Query(ctx, host.Command{Argv: []string{"systemctl", "show", "--property=ActiveState,MainPID,LoadState", unit}})
	if err != nil {
		return 0, err
	}
	state := host.Properties(string(out.Stdout))
	pid, _ := strconv.Atoi(state["MainPID"])
	switch {
	case state["LoadState"] == "masked":
		return 0, &steps.Failure{Text: "cannot reload nginx: " + unit + " is masked", Code: "N14", Fixes: []string{"systemctl unmask " + unit}}
	case state["ActiveState"] == "active" && pid > 0:
		return pid, nil
	}
	if stray := r.strayMaster(h); stray > 0 {
		return 0, &steps.Failure{
			Text: fmt.Sprintf("cannot reload nginx: one runs outside %s (process %d)", unit, stray), Code: "N02",
			Fixes: []string{fmt.Sprintf("kill -QUIT %d", stray), "systemctl start " + unit},
		}
	}
	return 0, &steps.Failure{
		Text: fmt.Sprintf("cannot reload nginx: %s is %s", unit, steps.CleanLine(state["ActiveState"])), Code: "N14",
		Fixes: []string{"systemctl status " + unit, "systemctl start " + unit},
	}
}

// defaultPID is where the distributions' packages keep the pid file.
const defaultPID = "/run/nginx.pid"

// strayMaster is the process of nginx's own pid file, if it is alive.
func (r Runtime) strayMaster(h host.Reader) int {
	f, err := h.ReadFile(argument(r.mainConfig(h), "pid", defaultPID))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(f.Data)))
	if pid <= 0 || !strings.Contains(title(h, pid), "nginx") {
		return 0
	}
	return pid
}

// defaultLog is where the distributions' packages write errors.
const defaultLog = "/var/log/nginx/error.log"

// errorLog is the log of nginx's master: the one in the main context. Empty if it is no file.
func (r Runtime) errorLog(h host.Reader) string {
	log := argument(r.mainConfig(h), "error_log", defaultLog)
	if !strings.HasPrefix(log, "/") {
		return ""
	}
	return log
}

// logSize is the length of the log now, in bytes. A log that is not there is empty.
func logSize(ctx context.Context, h host.Reader, log string) (int64, error) {
	if log == "" {
		return 0, nil
	}
	out, err := h.Query(ctx, host.Command{Argv: []string{"stat", "--dereference", "--format=%s", log}})
	if err != nil || out.Status != 0 {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(out.Stdout)), 10, 64)
}

// emergencies is the first line at level emerg that the master wrote to the log after the offset, cleaned; empty if it wrote none.
func emergencies(ctx context.Context, h host.Reader, log string, from int64, master int) string {
	if log == "" {
		return ""
	}
	out, err := h.Query(ctx, host.Command{Argv: []string{"tail", fmt.Sprintf("--bytes=+%d", from+1), log}})
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(out.Stdout)) {
		if m := emergency.FindStringSubmatch(line); m != nil && m[1] == "emerg" && m[2] == strconv.Itoa(master) {
			return steps.CleanLine(m[3])
		}
	}
	return ""
}

// ourServer is a TLS server of ours as it stands in the files: one of its names and its certificate.
type ourServer struct {
	name string
	file string // of the chain
	v6   bool
}

// ourServers reads the files that nginx was just given.
func (r Runtime) ourServers(h host.Reader) ([]ourServer, error) {
	var all []ourServer
	for _, include := range r.includes {
		dir, err := h.ReadFile(include)
		if absent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, name := range dir.Entries {
			if !strings.HasPrefix(name, "sslwizard-") || !strings.HasSuffix(name, ".conf") {
				continue
			}
			found, err := serversIn(h, include+"/"+name)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

func serversIn(h host.Reader, file string) ([]ourServer, error) {
	f, err := h.ReadFile(file)
	if err != nil {
		return nil, err
	}
	tree, err := conf.Parse(f.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all []ourServer
	for _, d := range tree {
		if s, ok := tlsServer(d); ok {
			all = append(all, s)
		}
	}
	return all, nil
}

func tlsServer(d conf.Directive) (ourServer, bool) {
	var s ourServer
	for _, x := range d.Block {
		switch {
		case x.Name == "listen" && len(x.Args) > 0 && strings.HasPrefix(x.Args[0], "["):
			s.v6 = true
		case x.Name == "server_name" && len(x.Args) > 0:
			s.name = x.Args[0]
		case x.Name == "ssl_certificate" && len(x.Args) > 0:
			s.file = x.Args[0]
		}
	}
	return s, d.Is("server") && s.name != "" && s.file != ""
}
