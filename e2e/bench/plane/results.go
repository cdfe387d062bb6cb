package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/template"
)

// results are what was measured, round by round: of a workload microseconds of the processor for a request, of a figure its unit.
type results struct {
	names     []string
	workloads []workload
	figures   []figure
	measured  map[string]map[string][]float64 // workload or figure, contender
	resident  []int                           // KiB behind the loads
}

func (r *results) add(what, name string, value float64) {
	if r.measured[what] == nil {
		r.measured[what] = map[string][]float64{}
	}
	r.measured[what][name] = append(r.measured[what][name], value)
}

// head is the head of a table.
func (r *results) head(what string) string {
	return fmt.Sprintf("| %s | goal | hold | %s |\n| --- | --- | --- |%s\n", what, strings.Join(r.names, " | "), strings.Repeat(" --- |", len(r.names)))
}

// figureTable has what is no cost of requests, each in its unit.
func (r *results) figureTable() string {
	var b strings.Builder
	b.WriteString(r.head(""))
	for _, f := range r.figures {
		fmt.Fprintf(&b, "| %s, %s |", f.name, f.unit)
		switch {
		case f.goal == 0:
			b.WriteString(" measured | |")
		case f.relative:
			fmt.Fprintf(&b, " ≤ %.2f of nginx's | %.2f of nginx's |", f.goal, f.hold)
		case f.hold == 0:
			fmt.Fprintf(&b, " ≤ %g | nginx's |", f.goal)
		default:
			fmt.Fprintf(&b, " ≤ %g | %g |", f.goal, f.hold)
		}
		for _, name := range r.names {
			if value := median(r.measured[f.name][name]); math.IsNaN(value) {
				b.WriteString(" – |")
			} else {
				fmt.Fprintf(&b, " %.3g |", value)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// beyond names what the loop does not hold, with how much it has and may have.
func (r *results) beyond() (names []string) {
	const ours = "sslwizard, loop"
	for _, w := range r.workloads {
		if ratio := r.ratio(w.name, ours); ratio > w.hold {
			names = append(names, fmt.Sprintf("%s: %.2f of nginx's, hold %.2f", w.name, ratio, w.hold))
		}
	}
	for _, f := range r.figures {
		value, nginx, most := median(r.measured[f.name][ours]), median(r.measured[f.name][reference]), f.hold
		switch {
		case f.goal == 0:
			continue
		case f.relative:
			most *= nginx
		case f.hold == 0:
			most = nginx
		}
		if value > most {
			names = append(names, fmt.Sprintf("%s: %.3g %s, hold %.3g", f.name, value, f.unit, most))
		}
	}
	return names
}

func (r *results) memory(those []*contender) {
	for _, c := range those {
		r.resident = append(r.resident, resident(c.process.Process.Pid))
	}
}

// ratio is the median of the ratios to nginx in the same round.
func (r *results) ratio(workload, name string) float64 {
	var all []float64
	for i, cost := range r.measured[workload][name] {
		all = append(all, cost/r.measured[workload][reference][i])
	}
	return median(all)
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

func (r *results) table() string {
	var b strings.Builder
	b.WriteString(r.head("workload"))
	for _, w := range r.workloads {
		fmt.Fprintf(&b, "| %s | ≤ %.2f | %.2f |", w.name, w.goal, w.hold)
		for _, name := range r.names {
			if name == reference {
				fmt.Fprintf(&b, " %.1f µs |", median(r.measured[w.name][name]))
			} else {
				fmt.Fprintf(&b, " %.2f |", r.ratio(w.name, name))
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("| memory behind all of that, MiB | | |")
	for _, kib := range r.resident {
		fmt.Fprintf(&b, " %.1f |", float64(kib)/1024)
	}
	return b.String() + "\n"
}

//go:embed dataplane.md.tmpl
var text string

// page writes docs/dataplane.md.
func (r *results) page(o options) error {
	root, err := treeRoot(context.Background())
	if err != nil {
		return err
	}
	parsed, err := template.New("page").Parse(text)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, map[string]any{"Table": r.table(), "Figures": r.figureTable(), "Beyond": r.beyond(), "Rounds": o.rounds, "Load": o.load, "Machine": machine()}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "docs", "dataplane.md"), b.Bytes(), 0o644) //nolint:gosec // a page
}

// machine says where the figures are from.
func machine() string {
	model := "processor"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	out := []string{fmt.Sprintf("%d × %s", runtime.NumCPU(), model), runtime.Version()}
	for _, version := range [][]string{{"nginx", "-v"}, {"haproxy", "-v"}} {
		if said, err := exec.Command(version[0], version[1:]...).CombinedOutput(); err == nil {
			line, _, _ := strings.Cut(string(said), "\n")
			out = append(out, strings.TrimSpace(line))
		}
	}
	return strings.Join(out, ", ")
}
