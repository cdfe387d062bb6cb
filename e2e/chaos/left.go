package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// inUse is what a process holds.
type inUse struct{ goroutines, files int }

func (u inUse) String() string {
	return fmt.Sprintf("%d goroutines, %d open files", u.goroutines, u.files)
}

// left is what the serving process holds once it has nothing to do: it forgets idle connections to applications last, so
// those end them.
func (s *service) left() (inUse, error) {
	for _, a := range s.apps {
		a.kill()
	}
	var now inUse
	err := eventually("the proxy has no connection left", func() error {
		status, err := s.status()
		if err == nil && status.Connections+status.WebSockets > 0 {
			err = fmt.Errorf("%d connections, %d WebSockets", status.Connections, status.WebSockets)
		}
		return err
	})
	if err == nil {
		now, err = s.use()
	}
	for _, a := range s.apps {
		err = errors.Join(err, a.start())
	}
	return now, err
}

// leaks says what is left of the chaos that was not there before: in the process that serves, and of those that it
// followed. Then the last one ends too.
func (s *service) leaks(base inUse) error {
	for _, a := range s.apps {
		a.kill()
	}
	var now inUse
	gone := eventually("nothing is left", func() (err error) {
		if now, err = s.use(); err == nil && (now.goroutines > base.goroutines || now.files > base.files) {
			err = fmt.Errorf("%s, of which %s were there before", now, base)
		}
		return err
	})
	fmt.Printf("before: %s; after: %s\n", base, now)
	if gone != nil { // it says what it does
		_ = syscall.Kill(s.pid(), syscall.SIGQUIT)
		return errors.Join(gone, eventually("it ends", func() error {
			_, err := syscall.Wait4(s.pid(), nil, 0, nil)
			return err
		}))
	}
	for _, pid := range s.pids[:len(s.pids)-1] {
		gone = errors.Join(gone, eventually(fmt.Sprintf("process %d, which was followed, ends", pid), func() error { return ended(pid) }))
	}
	if err := syscall.Kill(s.pid(), syscall.SIGTERM); err != nil {
		return errors.Join(gone, err)
	}
	return errors.Join(gone, eventually("the last process ends", func() error { return ended(s.pid()) }))
}

// ended wants the process to have ended well.
func ended(pid int) error {
	var status syscall.WaitStatus
	got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
	switch {
	case errors.Is(err, syscall.ECHILD): // it was waited for before
		return nil
	case err != nil:
		return err
	case got == 0:
		return errors.New("it runs")
	case status.ExitStatus() != 0:
		return fmt.Errorf("it ended with %v", status)
	}
	return nil
}

var goroutines = regexp.MustCompile(`(?m)^sslwizard_goroutines (\d+)$`)

// use asks the process that serves, and the kernel.
func (s *service) use() (inUse, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.path("metrics"))
		}}}
	response, err := client.Get("http://proxy/metrics")
	if err != nil {
		return inUse{}, err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return inUse{}, err
	}
	found := goroutines.FindSubmatch(page)
	if found == nil {
		return inUse{}, errors.New("the metrics have no number of goroutines")
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return inUse{}, err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid()))
	return inUse{n, len(files)}, err
}

// memory is what all processes of the proxy held together, from second to second.
type memory struct {
	kib  []int // since the load was whole
	most int   // of one process
}

// watchMemory looks until the context ends.
func (s *service) watchMemory(ctx context.Context, whole <-chan struct{}) func() memory {
	var m memory
	var all sync.WaitGroup
	all.Go(func() {
		every(ctx, time.Second, func() {
			sum := 0
			for _, pid := range s.processes() {
				one := residentKiB(pid)
				m.most = max(m.most, one)
				sum += one
			}
			select {
			case <-whole:
				m.kib = append(m.kib, sum)
			default:
			}
		})
	})
	return func() memory { all.Wait(); return m }
}

func (s *service) processes() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int(nil), s.pids...)
}

var resident = regexp.MustCompile(`(?m)^VmRSS:\s*(\d+) kB$`)

// residentKiB is 0 of a process that has ended.
func residentKiB(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	found := resident.FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}

// half is the mean of the first or the second half.
func (m memory) half(n int) int {
	part, sum := m.kib[len(m.kib)*n/2:len(m.kib)*(n+1)/2], 0
	for _, one := range part {
		sum += one
	}
	return sum / max(len(part), 1)
}

func (m memory) String() string {
	return fmt.Sprintf("memory of all its processes, in the halves of the %d s since all WebSockets lay there: %d MiB, %d MiB; of one at most %d MiB\n",
		len(m.kib), m.half(0)>>10, m.half(1)>>10, m.most>>10)
}

// mostMiB is how much one process may hold, with as many WebSockets as its open files suffice for.
const mostMiB = 1024

// verdict: from when the load was whole on there is not much more. How long that took says how busy the machine was.
func (m memory) verdict() error {
	if m.most>>10 > mostMiB {
		return fmt.Errorf("one process held %d MiB", m.most>>10)
	}
	if before, after := m.half(0), m.half(1); after > before+before/4+64<<10 {
		return fmt.Errorf("memory grows: %s", m)
	}
	return nil
}
