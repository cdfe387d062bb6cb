//go:build e2e

package hostile

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
)

// targets are the fuzzers of this tree: what each is given, what has to hold, and how many inputs it makes. They are bounded by
// number, for Go's own time limit fails a run now and then that found nothing.
var targets = map[string]struct {
	what  string
	execs int
}{
	"./e2e/conform FuzzForward":                      {"requests through the proxy, as net/http reads them", 60_000},
	"./steps FuzzHushedFile":                         {"files of sites as they are shown: no value of a header in them", 200_000},
	"./steps FuzzReadLine":                           {"lines of a run that a screen follows: nothing that steers a terminal", 1_000_000},
	"./steps FuzzSites":                              {"answers files: parsed, printed, parsed: the same; or refused in clean words", 500_000},
	"./steps FuzzValues":                             {"single values: read back as they are printed, harmless", 400_000},
	"./system/apply FuzzJournal":                     {"files of a run, with a right seal too: read, or refused with a code and a way on", 500_000},
	"./system/cert FuzzPEM":                          {"keys, chains and CAs: written and read again as the same; or refused in clean words", 300_000},
	"./system/dns01 FuzzReply":                       {"replies of DNS providers: done, or refused in clean words without a secret, soon", 60_000},
	"./system/dns01 FuzzUpdateReply":                 {"replies to an update of the DNS", 200_000},
	"./system/inspect FuzzReadConf":                  {"nginx configurations of the user's, which are only read", 300_000},
	"./system/nginx FuzzNoInputBecomesConfiguration": {"texts in a site: the shape of the file is that of a harmless one", 100_000},
	"./system/nginx/conf FuzzParse":                  {"nginx configurations: parsed, printed, parsed: the same tree", 3_500_000},
	"./system/nginx/conf FuzzPrint":                  {"words of nginx: each comes back as the one word that it was", 2_000_000},
	"./system/probe FuzzServerFrames":                {"WebSocket frames of a server to the probe", 300_000},
	"./system/probe FuzzServerHello":                 {"TLS replies of a server to the probe", 300_000},
	"./system/proxy FuzzAnswers":                     {"answers of an application to the proxy", 60_000},
	"./system/proxy FuzzEngines":                     {"what a client of HTTP/1.1 says: read by both engines as the same", 20_000},
	"./system/proxy/h1 FuzzAnswer":                   {"heads of answers, to the proxy's own reader", 1_000_000},
	"./system/proxy/h1 FuzzRequest":                  {"heads of requests, to the proxy's own reader", 1_000_000},
	"./system/proxy/h2 FuzzConn":                     {"frames of a client, cut anywhere, to the proxy's own reader", 300_000},
	"./system/proxy/h2 FuzzRequest":                  {"requests in HTTP/2: taken or refused as net/http does", 100_000},
	"./system/resolve FuzzReply":                     {"replies of name servers", 400_000},
}

// TestFuzzing has every fuzzer make its inputs, in the whole; the slice sees that none is forgotten, and each holds for what it has
// begun with in the tests of its own package.
func TestFuzzing(t *testing.T) {
	names := slices.Sorted(maps.Keys(targets))
	if there := fuzzers(t); !slices.Equal(names, there) {
		t.Fatalf("the fuzzers of this tree are\n%s\nand not\n%s", strings.Join(there, "\n"), strings.Join(names, "\n"))
	}
	if !*full {
		return
	}
	var b strings.Builder
	all := 0
	for _, name := range names {
		n := fuzz(t, name, targets[name].execs)
		all += n
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, targets[name].what, promises.Count(n))
	}
	if all < 10_000_000 {
		t.Errorf("only %d inputs", all)
	}
	page(t, "fuzzing", fmt.Sprintf(`
## Fuzzing

Inputs that Go's fuzzer makes, led by which lines of the program they reach. Each fuzzer has made so many, and what it is about held for
all of them: %s.

| fuzzer | about | inputs |
| --- | --- | --- |
%s`, promises.Count(all), b.String()), promises.Figure{What: fmt.Sprintf("inputs that %d fuzzers made", len(names)), Target: "≥ 10,000,000", Measured: promises.Count(all)},
		promises.Figure{What: "of them for which something did not hold", Target: "0", Measured: "0"})
}

var (
	declared   = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)
	executions = regexp.MustCompile(`execs: (\d+)`)
)

// fuzzers finds every fuzzer of this tree.
func fuzzers(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		dir, _ := filepath.Rel("../..", filepath.Dir(name))
		for _, found := range declared.FindAllSubmatch(text, -1) {
			names = append(names, "./"+dir+" "+string(found[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// fuzz has one make so many inputs, and says how many it made.
func fuzz(t *testing.T, name string, execs int) int {
	t.Helper()
	dir, target, _ := strings.Cut(name, " ")
	cmd := exec.Command("go", "test", "-tags", "e2e", "-run", "^$", "-fuzz", "^"+target+"$", "-fuzztime", strconv.Itoa(execs)+"x", "-fuzzminimizetime", "10x", dir)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
		return 0
	}
	made := executions.FindAllSubmatch(out, -1)
	if len(made) == 0 {
		t.Errorf("%s says not how many:\n%s", name, out)
		return 0
	}
	n, err := strconv.Atoi(string(made[len(made)-1][1]))
	if err != nil {
		t.Error(err)
	}
	return n
}
