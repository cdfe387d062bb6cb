package cert

import (
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

var (
	full   = flag.Bool("full", false, "switch certificates 500 times with 100 kills, not 16 with 8")
	update = flag.Bool("update", false, "write the figures of -full into docs/promises.md")
)

const switchHere = "SSLWIZARD_SWITCH_HERE" // the folder in which the test binary is the process that switches

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if root := os.Getenv(switchHere); root != "" {
		fmt.Fprintln(os.Stderr, switchForever(host.New(root)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// switchForever gives the site one new pair after the other, and says a byte after each change of a file, an 's' after
// each switch. After a switch it waits for a byte: no reader is so slow that a site gets three certificates meanwhile, but
// on a busy machine one of this test could be. It ends only by an error, or when it is killed.
func switchForever(h host.Host) error {
	for {
		v, err := issueLocal("sslwizard")
		if err != nil {
			return err
		}
		told := teller{h}
		name, err := Add(told, site, v)
		if err == nil {
			err = Switch(told, site, name)
		}
		if err != nil {
			return err
		}
		if _, err := os.Stdout.WriteString("s"); err != nil {
			return err
		}
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			return err
		}
		if err := Prune(told, site); err != nil {
			return err
		}
	}
}

// teller is a host that says a byte after each change, so that who kills knows where its victim is.
type teller struct{ host.Host }

func (t teller) WriteFile(path string, f host.File) error { return say(t.Host.WriteFile(path, f)) }
func (t teller) Remove(path string) error                 { return say(t.Host.Remove(path)) }

func say(err error) error {
	if err == nil {
		_, err = os.Stdout.WriteString(".")
	}
	return err
}

// killAfter starts the process that switches, and kills it in the change that follows the given number of switches and
// further changes. How far into that change it is lies in the delay. It returns the switches that were seen.
func killAfter(t *testing.T, root string, readers *pairReaders, switches, changes int, delay time.Duration) int {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), switchHere+"="+root)
	child.Stderr = os.Stderr
	said, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	goOn, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	seen, more := 0, 0
	for one := make([]byte, 1); seen < switches || more < changes; {
		if _, err := said.Read(one); err != nil {
			t.Errorf("the process that switches ended by itself: %v", child.Wait())
			return seen
		}
		switch {
		case one[0] == 's':
			seen++
			readers.finishOne(t)
			if _, err := goOn.Write([]byte("g")); err != nil {
				t.Error(err)
			}
		case seen >= switches:
			more++
		}
	}
	for start := time.Now(); time.Since(start) < delay; { // a sleep is too coarse for the microseconds of a system call
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("the process that switches was not killed: %v", child.ProcessState)
	}
	return seen
}

// pairReaders read the pair again and again, each in the way of one of its users.
type pairReaders struct {
	stop  chan struct{}
	wait  sync.WaitGroup
	reads [2]atomic.Int64
}

func readPairs(t *testing.T, h host.Host, root string) *pairReaders {
	p := &pairReaders{stop: make(chan struct{})}
	store := func() error { // the renewal, the rehearsals and the doctor
		v, err := Current(h, site)
		if err == nil {
			_, err = tls.X509KeyPair(v.Chain, v.Key)
		}
		return err
	}
	served := func() error { // the native proxy: through one resolved version
		version, err := filepath.EvalSymlinks(filepath.Join(root, steps.CertsDir, site, "current"))
		if err == nil {
			_, err = tls.LoadX509KeyPair(filepath.Join(version, chainFile), filepath.Join(version, keyFile))
		}
		return err
	}
	for n, read := range []func() error{store, served} {
		p.wait.Go(func() {
			for {
				select {
				case <-p.stop:
					return
				default:
				}
				if err := read(); err != nil {
					t.Errorf("reader %d: %v", n, err)
					return
				}
				p.reads[n].Add(1)
			}
		})
	}
	return p
}

// finishOne waits until each reader has finished a read that it began after now.
func (p *pairReaders) finishOne(t *testing.T) {
	for n := range p.reads {
		for want := p.reads[n].Load() + 2; p.reads[n].Load() < want && !t.Failed(); {
			runtime.Gosched()
		}
	}
}

func (p *pairReaders) end() (store, served int64) {
	close(p.stop)
	p.wait.Wait()
	return p.reads[0].Load(), p.reads[1].Load()
}

// TestPairThroughKills reads the pair as fast as it can while another process makes and switches versions and is killed
// at one moment after the other; each next process goes on where the last one was cut off.
func TestPairThroughKills(t *testing.T) {
	h, root := onDisk(t)
	first, err := Add(h, site, local(t, "sslwizard"))
	if err == nil {
		err = Switch(h, site, first)
	}
	if err != nil {
		t.Fatal(err)
	}
	kills, each := 8, 2
	if *full {
		kills, each = 100, 5
	}
	readers := readPairs(t, h, root)
	begun, switches := time.Now(), 0
	for n := range kills {
		// A turn has at least 9 changes: five of Prune and four of the next Add.
		switches += killAfter(t, root, readers, each, n%9, time.Duration(n*37%200)*time.Microsecond)
	}
	took := time.Since(begun)
	store, served := readers.end()
	t.Logf("%d switches, %d kills, %d + %d reads in %v", switches, kills, store, served, took.Round(time.Millisecond))
	if *full && *update && !t.Failed() {
		const command = "go test ./system/cert -run 'TestPairThroughKills$' -full -update"
		promises.Record(t,
			promises.Figure{Promise: 13, What: "switches of a certificate", Target: "≥ 500", Measured: promises.Count(switches), Command: command},
			promises.Figure{Promise: 13, What: "of them with the switching process killed", Target: "≥ 100", Measured: promises.Count(kills), Command: command},
			promises.Figure{Promise: 13, What: "pairs loaded meanwhile that do not belong together or are not there", Target: "0", Measured: "0 of " + promises.Count(int(store+served)), Command: command},
		)
	}
	if switches < each*kills || store == 0 || served == 0 {
		t.Errorf("%d switches, %d + %d reads: the test does not look", switches, store, served)
	}
	if err := Prune(h, site); err != nil {
		t.Fatal(err)
	}
	if all, err := folders(h, site); err != nil || len(all) > Kept+1 {
		t.Errorf("what was cut off stayed: %v (%v)", all, err)
	}
}
