package loop

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/system/proxy/record"
)

const patience = 20 * time.Second

// running is a loop that runs until the test ends; panics are counted.
type running struct {
	*Loop
	ended  chan error
	faults chan any
}

func run(t *testing.T) *running {
	t.Helper()
	r := &running{ended: make(chan error, 1), faults: make(chan any, 10)}
	var err error
	if r.Loop, err = New(func(reason any, _ []byte) { r.faults <- reason }); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		select {
		case err := <-r.ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("the loop does not end")
		}
	})
	return r
}

// pair is a connection: the near end as a descriptor, the far one.
func pair(t *testing.T) (near net.Conn, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	_ = far.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { far.Close() })
	return near, far
}

func descriptor(t *testing.T, c net.Conn) (fd int) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(own uintptr) { fd, _ = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err != nil || fd <= 0 {
		t.Fatal(err)
	}
	_ = c.Close()
	return fd
}

// open gives the far end of a stream of the loop, in the clear or over TLS.
func (r *running) open(t *testing.T, secure bool, handler func(*Stream) Handler) net.Conn {
	t.Helper()
	near, far := pair(t)
	var own *record.Conn
	if secure {
		own = record.Server(near, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
		client := tls.Client(far, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it is about the loop
		done := make(chan error, 1)
		go func() { done <- client.Handshake() }()
		if err := errors.Join(own.TLS().Handshake(), <-done); err != nil {
			t.Fatal(err)
		}
		own.Detach()
		far = client
	}
	fd := descriptor(t, near)
	opened := make(chan error, 1)
	r.Post(func() {
		proxy := &late{}
		s, err := r.Open(fd, own, proxy)
		if err == nil {
			proxy.Handler = handler(s)
		}
		opened <- err
	})
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	return far
}

// late is a handler that needs its stream first.
type late struct{ Handler }

var certificate = func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}()

// echo sends back what comes, and takes no more than there is room for.
type echo struct {
	s     *Stream
	most  int // that it takes at once; 0: all
	ended func(error)
}

func (e *echo) Came(p []byte) int {
	if e.most > 0 {
		p = p[:min(e.most, len(p))]
	}
	e.s.Write(p)
	if e.s.Full() {
		e.s.Pause()
	}
	return len(p)
}

func (e *echo) Room() { e.s.Resume() }

func (e *echo) Ended(err error) {
	if e.ended != nil {
		e.ended(err)
	}
	if errors.Is(err, io.EOF) {
		e.s.Finish(false)
		return
	}
	e.s.Close()
}

// TestEcho: megabytes go both ways byte for byte, however they are cut and however little is taken at once, in the clear and
// over TLS, on many connections at once.
func TestEcho(t *testing.T) {
	t.Parallel()
	r := run(t)
	sent := make([]byte, 3<<20)
	_, _ = rand.Read(sent)
	var all sync.WaitGroup
	for _, secure := range []bool{false, true} {
		for _, most := range []int{0, 1 << 10, 40_000} {
			far := r.open(t, secure, func(s *Stream) Handler { return &echo{s: s, most: most} })
			all.Go(func() {
				go func() {
					for rest, size := sent, 1; len(rest) > 0; size = size*3%100_000 + 1 {
						n := min(size, len(rest))
						if _, err := far.Write(rest[:n]); err != nil {
							return
						}
						rest = rest[n:]
					}
					_ = far.(interface{ CloseWrite() error }).CloseWrite()
				}()
				got, err := io.ReadAll(far)
				if err != nil || !bytes.Equal(got, sent) {
					t.Errorf("TLS %t, %d at once: %d of %d bytes, %v", secure, most, len(got), len(sent), err)
				}
			})
		}
	}
	all.Wait()
}

// keeper takes nothing before there are so many bytes.
type keeper struct {
	s    *Stream
	need int
	got  chan string
}

func (k *keeper) Came(p []byte) int {
	if len(p) < k.need {
		return 0
	}
	k.got <- string(p[:k.need])
	return k.need
}
func (k *keeper) Room()       {}
func (k *keeper) Ended(error) { k.s.Close() }

// TestWhatIsNotTakenComesAgain: with what follows, in order.
func TestWhatIsNotTakenComesAgain(t *testing.T) {
	t.Parallel()
	r := run(t)
	for _, secure := range []bool{false, true} {
		k := &keeper{need: 5, got: make(chan string, 10)}
		far := r.open(t, secure, func(s *Stream) Handler { k.s = s; return k })
		for _, piece := range []string{"a", "bc", "d", "e12", "345x"} {
			_, _ = io.WriteString(far, piece)
			time.Sleep(time.Millisecond)
		}
		if first, second := <-k.got, <-k.got; first != "abcde" || second != "12345" {
			t.Errorf("TLS %t: %q, %q", secure, first, second)
		}
		far.Close()
	}
}

// TestWhoTakesNothingIsToldOf: the time covers what is owed, and the loop goes on with the others.
func TestWhoTakesNothingIsToldOf(t *testing.T) {
	t.Parallel()
	r := run(t)
	ended := make(chan error, 2)
	far := r.open(t, false, func(s *Stream) Handler {
		s.Stall = func(int) time.Duration { return 100 * time.Millisecond }
		return &echo{s: s, ended: func(err error) { ended <- err }}
	})
	go func() { _, _ = far.Write(make([]byte, 64<<20)) }() // and reads nothing
	select {
	case err := <-ended:
		if !errors.Is(err, ErrStalled) {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("nobody noticed")
	}
}

// spring writes whenever there is room, and remembers the most that it held back.
type spring struct {
	s     *Stream
	most  int
	ended func(error)
}

func (w *spring) Came(p []byte) int { w.Room(); return len(p) }

func (w *spring) Room() {
	for !w.s.Full() && !w.s.Closed() {
		w.s.Write(make([]byte, 4<<10))
	}
	w.most = max(w.most, cap(w.s.out))
}

func (w *spring) Ended(err error) {
	if w.ended != nil {
		w.ended(err)
	}
}

// narrow has the kernel hold little of what a stream sends.
func narrow(t *testing.T, s *Stream) {
	t.Helper()
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsSentIsForgotten: also when something is left at each moment, for a reader who is never quite there.
func TestWhatIsSentIsForgotten(t *testing.T) {
	t.Parallel()
	r := run(t)
	w := &spring{}
	far := r.open(t, false, func(s *Stream) Handler { w.s = s; return w })
	narrow(t, w.s)
	_, _ = io.WriteString(far, "go")
	p := make([]byte, 3000)
	for n := 0; n < 4<<20; {
		got, err := far.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		n += got
	}
	most := make(chan int)
	r.Post(func() { most <- w.most; w.s.Close() })
	if most := <-most; most > 1<<20 {
		t.Errorf("%d bytes were held", most)
	}
}

// TestBrokenAndFinished: who is broken while there is more to send, and is finished then, is closed.
func TestBrokenAndFinished(t *testing.T) {
	t.Parallel()
	r := run(t)
	closed := make(chan bool)
	var own *Stream
	far := r.open(t, false, func(s *Stream) Handler {
		own, s.Done = s, func() { close(closed) }
		return &spring{s: s, ended: func(err error) {
			if !errors.Is(err, io.EOF) {
				s.Finish(false)
			}
		}}
	})
	narrow(t, own)
	_, _ = io.WriteString(far, "go")
	time.Sleep(200 * time.Millisecond) // by then nothing more has room
	_ = far.(*net.TCPConn).SetLinger(0)
	_ = far.Close()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("it is open still")
		r.Post(own.Close)
	}
}

// faulty panics.
type faulty struct {
	echo
	when string
}

func (f *faulty) Came(p []byte) int {
	if f.when == "came" {
		panic("a fault")
	}
	return f.echo.Came(p)
}

func (f *faulty) Ended(error) {
	if f.when == "ended" {
		panic("a fault")
	}
	f.s.Close()
}

// TestAFaultCostsOneConnection: the others do not notice.
func TestAFaultCostsOneConnection(t *testing.T) {
	t.Parallel()
	r := run(t)
	good := r.open(t, false, func(s *Stream) Handler { return &echo{s: s} })
	for _, when := range []string{"came", "ended"} {
		bad := r.open(t, false, func(s *Stream) Handler { return &faulty{echo{s: s}, when} })
		_, _ = io.WriteString(bad, "x")
		if when == "ended" {
			_ = bad.(*net.TCPConn).CloseWrite()
		}
		_, _ = io.Copy(io.Discard, bad)
		select {
		case <-r.faults:
		case <-time.After(patience):
			t.Fatalf("the fault when it %s was not told of", when)
		}
	}
	if _, err := io.WriteString(good, "ping"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(good, make([]byte, 4)); err != nil {
		t.Error(err)
	}
}

// TestRelease: who takes the descriptor over gets what was kept, and the other side notices nothing.
func TestRelease(t *testing.T) {
	t.Parallel()
	r := run(t)
	released := make(chan string, 1)
	fds := make(chan int, 1)
	var own *Stream
	k := &keeper{need: 1 << 20}
	far := r.open(t, false, func(s *Stream) Handler { own, k.s = s, s; return k })
	_, _ = io.WriteString(far, "kept")
	deadline := time.Now().Add(patience)
	for {
		done := make(chan bool)
		r.Post(func() {
			if own.Kept() == 4 {
				fd, kept := own.Release()
				released <- string(kept)
				fds <- fd
			}
			done <- own.Closed()
		})
		if <-done {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it did not come")
		}
	}
	fd := <-fds
	defer unix.Close(fd)
	if kept := <-released; kept != "kept" {
		t.Errorf("kept %q", kept)
	}
	_, _ = io.WriteString(far, "more")
	_ = unix.SetNonblock(fd, false)
	p := make([]byte, 10)
	if n, err := unix.Read(fd, p); err != nil || string(p[:n]) != "more" {
		t.Errorf("%q, %v", p[:n], err)
	}
}

// TestPosts: what is posted by many is done, in the order of each, and a loop that has ended takes nothing.
func TestPosts(t *testing.T) {
	t.Parallel()
	r := run(t)
	const each = 2000
	var seen [4][]int
	var all sync.WaitGroup
	for who := range seen {
		all.Go(func() {
			for n := range each {
				r.Post(func() { seen[who] = append(seen[who], n) })
			}
		})
	}
	all.Wait()
	done := make(chan bool)
	r.Post(func() { close(done) })
	<-done
	for who := range seen {
		for n, got := range seen[who] {
			if got != n {
				t.Fatalf("%d: %d came as number %d", who, got, n)
			}
		}
		if len(seen[who]) != each {
			t.Errorf("%d: %d of %d", who, len(seen[who]), each)
		}
	}
	r.Stop()
	select {
	case err := <-r.ended:
		r.ended <- err
	case <-time.After(patience):
		t.Fatal("the loop does not end")
	}
	if r.Post(func() {}) {
		t.Error("a loop that has ended takes posts")
	}
}

// TestAFaultInACallback ends the stream whose it is, wherever the loop calls it from; what nobody owns costs nobody.
func TestAFaultInACallback(t *testing.T) {
	t.Parallel()
	r := run(t)
	good := r.open(t, false, func(s *Stream) Handler { return &echo{s: s} })
	var timers []*Timer
	for name, call := range map[string]func(*Stream, func()){
		"post":  func(s *Stream, f func()) { s.Post(f) },
		"after": func(s *Stream, f func()) { s.After(f) },
		"do":    func(s *Stream, f func()) { s.Do(f) },
		"timer": func(s *Stream, f func()) {
			own := s.Timer(f)
			timers = append(timers, &own)
			own.Set(s.Loop().Now())
		},
		"given timer": func(s *Stream, f func()) {
			own := s.Loop().Timer(f)
			own.Give(s)
			timers = append(timers, &own)
			own.Set(s.Loop().Now())
		},
	} {
		var own *Stream
		ended, done := make(chan error, 2), make(chan bool)
		bad := r.open(t, false, func(s *Stream) Handler {
			own, s.Done = s, func() { close(done) }
			return &spring{s: s, ended: func(err error) {
				ended <- err
				s.Write([]byte("sorry"))
				s.Finish(false)
			}}
		})
		r.Post(func() { call(own, func() { panic("a fault") }) })
		if words, _ := io.ReadAll(bad); string(words) != "sorry" {
			t.Errorf("%s: the last words are %q", name, words)
		}
		<-r.faults
		<-done
		if err := <-ended; !errors.Is(err, ErrFault) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.Post(func() { panic("nobody's fault") })
	<-r.faults
	if _, err := io.WriteString(good, "ping"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(good, make([]byte, 4)); err != nil {
		t.Error(err)
	}
}

// TestALoopThatEndsByItself closes what it has, says so to each, and lets nobody wait for what was posted.
func TestALoopThatEndsByItself(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*Loop){
		"epoll": func(l *Loop) { _ = l.poll.set.Close() },
		"panic": func(l *Loop) { l.ready = append(l.ready, nil) },
	} {
		l, err := New(func(any, []byte) {})
		if err != nil {
			t.Fatal(err)
		}
		r := &running{Loop: l, ended: make(chan error, 1)}
		go func() { r.ended <- l.Run() }()
		done, called := make(chan bool), make(chan bool, 1)
		far := r.open(t, false, func(s *Stream) Handler { s.Done = func() { close(done) }; return &echo{s: s} })
		l.Post(func() {
			fault(l)
			l.Post(func() { called <- true })
		})
		if err := <-r.ended; err == nil {
			t.Errorf("%s: it ends without an error", name)
		}
		<-done
		<-called
		if _, err := far.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("%s: the connection is not closed: %v", name, err)
		}
		if l.Post(func() {}) {
			t.Errorf("%s: it takes posts", name)
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
