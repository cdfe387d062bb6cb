//go:build linux && amd64

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/e2e/crash/trace"
	"github.com/c93d5bcb/sslwizard/steps"
)

// flow is one change of a server: what is done, on which server, and with what an interrupted one is brought to its end.
type flow struct {
	name  string
	from  [][]string // what was done to the server before
	edit  func(tree) // what somebody did to it since; may be nil
	do    []string   // the change
	again []string   // what brings it to its end when it was cut off; nil: recover, which every command begins with
	clean            // how it goes when nothing cuts it off
}

// clean is a flow that nothing cut off.
type clean struct {
	before   tree
	outcomes []outcome // before, after, and the checkpoint between, if there is one
	still    map[string]bool
	calls    []trace.Call
	gone     bool // the change takes its own log away
}

var recovering = []string{"recover"}

func (f *flow) recovery() []string {
	if f.again != nil {
		return f.again
	}
	return recovering
}

const answers = `apiVersion: sslwizard/v1
kind: Answers
install: {executor: EXECUTOR}
certs: {domains: [shop.example.com, www.shop.example.com]}
proxy: {upstream: "http://127.0.0.1:3000", timeout: TIMEOUT}
trusted: TRUSTED
`

// own are the files of the administrator: answers, and a certificate that he has from elsewhere.
func own() (map[string]string, error) {
	files := map[string]string{}
	for _, c := range []struct{ name, executor, timeout, trusted string }{
		{"native", "native", "60s", "{source: none}"},
		{"slow", "native", "90s", "{source: none}"},
		{"nginx", "nginx", "60s", "{source: none}"},
		{"files", "native", "60s", "{source: files, certificate: /root/own/cert.pem, key: /root/own/key.pem}"},
		{"nginxfiles", "nginx", "60s", "{source: files, certificate: /root/own/cert.pem, key: /root/own/key.pem}"},
	} {
		files["/root/"+c.name+".yaml"] = strings.NewReplacer("EXECUTOR", c.executor, "TIMEOUT", c.timeout, "TRUSTED", c.trusted).Replace(answers)
	}
	for _, name := range []string{"", "2"} {
		chain, key, err := certificate()
		if err != nil {
			return nil, err
		}
		files["/root/own/cert"+name+".pem"], files["/root/own/key"+name+".pem"] = chain, key
	}
	return files, nil
}

func run(name string) []string { return []string{"run", "/root/" + name + ".yaml"} }

// flows are the changes that are cut off.
func flows() []*flow {
	renewed := func(t tree) { // the administrator puts his next certificate where the last one was
		for _, name := range []string{"cert", "key"} {
			n := t["/root/own/"+name+".pem"]
			n.data = t["/root/own/"+name+"2.pem"].data
			t["/root/own/"+name+".pem"] = n
		}
	}
	noted := func(t tree) { // somebody's note on a file of ours has to survive
		n := t[steps.SiteFile("shop.example.com")]
		n.xattrs = map[string]string{"user.note": "looked at"}
		t[steps.SiteFile("shop.example.com")] = n
	}
	return []*flow{
		{name: "install, native", do: run("native")},
		{name: "install, nginx", do: run("nginx")},
		{name: "install, native, own certificate", do: run("files")},
		{name: "other answers", from: [][]string{run("native")}, edit: noted, do: run("slow")},
		{name: "native to nginx", from: [][]string{run("native")}, edit: noted, do: run("nginx")},
		{name: "nginx to native", from: [][]string{run("nginx")}, do: run("native")},
		{name: "next certificate, native", from: [][]string{run("files")}, edit: renewed, do: run("files")},
		{name: "next certificate, nginx", from: [][]string{run("nginxfiles")}, edit: renewed, do: run("nginxfiles")},
		{name: "remove, native", from: [][]string{run("native")}, do: []string{"remove", "shop.example.com"}},
		{name: "remove, nginx", from: [][]string{run("nginx")}, do: []string{"remove", "shop.example.com"}},
		{name: "undo, native", from: [][]string{run("native")}, do: []string{"undo"}},
		{name: "undo, nginx", from: [][]string{run("nginx")}, do: []string{"undo"}},
		{name: "undo of a switch", from: [][]string{run("native"), run("nginx")}, do: []string{"undo"}},
		{name: "undo of two phases", from: [][]string{run("files")}, do: []string{"undo"}},
		{name: "uninstall, native", from: [][]string{run("native"), run("slow")}, do: []string{"uninstall"}, again: []string{"uninstall"}},
		{name: "uninstall, nginx", from: [][]string{run("native"), run("nginx")}, do: []string{"uninstall"}, again: []string{"uninstall"}},
	}
}

// prepare does the flow without cutting it off: twice, to see what is another each time, and once more under the tracer, to
// know its calls.
func (f *flow) prepare(ctx context.Context, w *worker, base tree) error {
	if err := w.lay(base); err != nil {
		return err
	}
	for _, args := range f.from {
		if err := w.must(ctx, args); err != nil {
			return err
		}
	}
	var err error
	if f.before, err = w.see(); err != nil {
		return err
	}
	f.settle()
	if f.edit != nil {
		f.edit(f.before)
	}
	after, err := f.done(ctx, w, f.do)
	if err != nil {
		return err
	}
	other, err := f.done(ctx, w, f.do)
	if err != nil {
		return err
	}
	f.still = untouched(f.before, after)
	f.outcomes = []outcome{{name: "before", tree: f.before}, {name: "after", tree: after, volatile: volatileIn(after, other)}}
	_, logged := after[steps.DoneDir]
	f.gone = !logged
	if f.do[0] == "run" {
		if err := f.checkpoint(ctx, w); err != nil {
			return err
		}
	}
	if err := w.lay(f.before); err != nil {
		return err
	}
	report, said, err := w.traced(ctx, trace.Order{}, f.do...)
	if err != nil || report.Status != 0 {
		return fmt.Errorf("%s, traced: status %d: %s: %w", f.name, report.Status, said, err)
	}
	f.calls = report.Calls
	now, err := w.see()
	if err != nil {
		return err
	}
	if how := f.ended(now); how != "after" {
		return fmt.Errorf("%s: the tracer changes what it does: %q", f.name, f.worst(now))
	}
	return nil
}

// settle has the server be an hour older, so that what is written from now on can be told by its time.
func (f *flow) settle() {
	for name, n := range f.before {
		n.mtime = n.mtime.Add(-ageing)
		f.before[name] = n
	}
}

func (f *flow) done(ctx context.Context, w *worker, args []string) (tree, error) {
	if err := w.lay(f.before); err != nil {
		return nil, err
	}
	if err := w.must(ctx, args); err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return w.see()
}

// checkpoint is what a plan with two phases leaves after the first: a site that works, with a certificate of our own making.
func (f *flow) checkpoint(ctx context.Context, w *worker) error {
	one, err := f.done(ctx, w, append(slices.Clone(f.do), "1"))
	if err != nil {
		return err
	}
	other, err := f.done(ctx, w, append(slices.Clone(f.do), "1"))
	if err != nil {
		return err
	}
	o := outcome{name: "checkpoint", tree: one, volatile: volatileIn(one, other)}
	for _, known := range f.outcomes {
		if len(known.differs(one, nil)) == 0 {
			return nil
		}
	}
	f.outcomes = append(f.outcomes, o)
	return nil
}

// must does what has to go well.
func (w *worker) must(ctx context.Context, args []string) error {
	status, said, err := w.run(ctx, args...)
	if err == nil && status != 0 && status != nothingToDo {
		err = fmt.Errorf("%s ended with %d: %s", strings.Join(args, " "), status, said)
	}
	return err
}

// ended names the outcome that the server is; "" when it is none.
func (f *flow) ended(now tree) string {
	for _, o := range f.outcomes {
		if len(o.differs(now, f.still)) == 0 {
			return o.name
		}
	}
	return ""
}

// worst says in what a server is none of the outcomes: against the one that it is nearest to.
func (f *flow) worst(now tree) []string {
	var least []string
	for _, o := range f.outcomes {
		if said := o.differs(now, f.still); least == nil || len(said) < len(least) {
			least = append([]string{"nearest is " + o.name}, said...)
		}
	}
	return least
}
