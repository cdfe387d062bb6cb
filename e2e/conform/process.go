package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// freePort is an address of loopback that is free now.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// process is a program of ours that runs in the foreground.
type process struct {
	cmd  *exec.Cmd
	said syncBuffer
	done chan struct{}
}

func run(dir string, argv ...string) (*process, error) {
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stderr, p.cmd.Stdout = dir, &p.said, &p.said
	p.cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is of no interest: it was killed, or answers says so
		close(p.done)
	}()
	return p, nil
}

// answers waits until something accepts connections at the address; the process, when it is ours.
func (p *process) answers(ctx context.Context, address string) error {
	var ended chan struct{}
	if p != nil {
		ended = p.done
	}
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the process: at once, for it has nothing to lose.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt) // a master ends its workers
	select {
	case <-p.done:
	case <-time.After(3 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// syncBuffer keeps the beginning of what a process says.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

const maxSaid = 1 << 20

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.b.Len() < maxSaid {
		s.b.Write(p)
	}
	return len(p), nil
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return steps.Clean(s.b.String())
}
