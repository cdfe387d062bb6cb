package probe

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/c93d5bcb/sslwizard/steps"
)

// scan is what a server offers, found by asking for one thing at a time.
type scan struct {
	versions map[uint16]answer
	suites12 []suite // TLS 1.2 and older, in the order in which they were chosen
	suites13 []suite
	whole    bool // the lists of suites are complete
	groups   []uint16
}

// answer is what came of an offer.
type answer int

const (
	unknown answer = iota // no answer, or one that says nothing
	refused
	accepted
)

// maxScans is how many connections the scan of an address has open at once.
const maxScans = 6

var allVersions = []uint16{ssl30, tls10, tls11, tls12, tls13}

var versionNames = map[uint16]string{ssl30: "SSL 3.0", tls10: "TLS 1.0", tls11: "TLS 1.1", tls12: "TLS 1.2", tls13: "TLS 1.3"}

var groupNames = map[uint16]string{groupX25519MLKEM768: "X25519MLKEM768", groupX25519: "X25519", groupP256: "P-256", groupP384: "P-384", groupP521: "P-521"}

var allGroups = []uint16{groupX25519MLKEM768, groupX25519, groupP256, groupP384, groupP521}

// settings scans what the address offers and judges it.
func (p *prober) settings(ctx context.Context, addr netip.AddrPort, leaf []byte) {
	versions := p.begin(steps.IDSSL, "tls.versions", addr)
	suites := p.begin(steps.IDSSL, "tls.ciphers", addr)
	groups := p.begin(steps.IDSSL, "tls.groups", addr)
	s := p.scan(ctx, addr)
	versions.end(judgeVersions(s.versions, p.target.Expect))
	suites.end(judgeSuites(s, keyName(leaf), p.target.Expect))
	groups.end(judgeGroups(s))
}

// scan asks for every version, suite and group.
func (p *prober) scan(ctx context.Context, addr netip.AddrPort) scan {
	s := scan{versions: map[uint16]answer{}, whole: true}
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, maxScans)
	var silent atomic.Bool
	ask := func(h clientHello) (serverHello, answer) {
		slots <- struct{}{}
		defer func() { <-slots }()
		if silent.Load() {
			return serverHello{}, unknown // one time-out is enough
		}
		hello, a := p.ask(ctx, addr, h)
		if a == unknown {
			silent.Store(true)
		}
		return hello, a
	}
	for _, v := range allVersions {
		group.Go(func() {
			hello, a := ask(p.helloFor(v, suitesFor(v), allGroups))
			if a == accepted && hello.version != v {
				a = refused
			}
			mu.Lock()
			defer mu.Unlock()
			s.versions[v] = a
		})
	}
	for _, list := range suiteLists() {
		group.Go(func() {
			found, whole := p.enumerate(list, ask)
			mu.Lock()
			defer mu.Unlock()
			s.take(found, whole)
		})
	}
	for _, g := range allGroups {
		group.Go(func() {
			hello, a := ask(p.helloFor(tls13, ids(suites13), []uint16{g}))
			mu.Lock()
			defer mu.Unlock()
			if a == accepted && hello.group == g {
				s.groups = append(s.groups, g)
			}
		})
	}
	group.Wait()
	s.sort()
	return s
}

// take adds what was found of one list.
func (s *scan) take(found []suite, whole bool) {
	for _, f := range found {
		if slices.ContainsFunc(suites13, func(x suite) bool { return x.id == f.id }) {
			s.suites13 = append(s.suites13, f)
		} else {
			s.suites12 = append(s.suites12, f)
		}
	}
	s.whole = s.whole && whole
}

func (s *scan) sort() {
	byID := func(a, b suite) int { return int(a.id) - int(b.id) }
	slices.SortFunc(s.suites12, byID)
	slices.SortFunc(s.suites13, byID)
	slices.SortFunc(s.groups, func(a, b uint16) int { return slices.Index(allGroups, a) - slices.Index(allGroups, b) })
}

// suiteLists cuts all suites into lists that are asked side by side: a server chooses one of a list at a time, and some
// old ones take no long list.
func suiteLists() [][]suite {
	var ecdsaSuites, rsaSuites []suite
	for _, s := range guidelineSuites {
		if strings.Contains(s.name, "ECDSA") {
			ecdsaSuites = append(ecdsaSuites, s)
		} else {
			rsaSuites = append(rsaSuites, s)
		}
	}
	return append([][]suite{ecdsaSuites, rsaSuites, suites13}, slices.Collect(slices.Chunk(otherSuites, 50))...)
}

// suitesFor is all that can be negotiated in a version.
func suitesFor(version uint16) []uint16 {
	if version == tls13 {
		return ids(suites13)
	}
	return slices.Concat(ids(guidelineSuites), ids(otherSuites))
}

func (p *prober) helloFor(version uint16, suites, groups []uint16) clientHello {
	return clientHello{version: version, suites: suites, groups: groups, serverName: p.target.sni()}
}

// enumerate finds which suites of the list the server takes: it offers all, and offers again without the chosen one,
// until nothing is chosen. whole is false when the server stopped answering before that.
func (p *prober) enumerate(list []suite, ask func(clientHello) (serverHello, answer)) (found []suite, whole bool) {
	version := tls12
	if list[0].id>>8 == 0x13 {
		version = tls13
	}
	left := slices.Clone(list)
	for len(left) > 0 {
		hello, a := ask(p.helloFor(version, ids(left), allGroups))
		if a != accepted {
			return found, a == refused
		}
		i := slices.IndexFunc(left, func(s suite) bool { return s.id == hello.suite })
		if i < 0 {
			return found, false // it chose what was not offered
		}
		found = append(found, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return found, true
}

// ask sends one hello and reads what the server chose.
func (p *prober) ask(ctx context.Context, addr netip.AddrPort, h clientHello) (serverHello, answer) {
	conn, err := p.dial(ctx, addr)
	if err != nil {
		return serverHello{}, unknown
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Write(h.marshal()); err != nil {
		return serverHello{}, answerOf(err)
	}
	hello, err := readServerHello(conn)
	if err != nil {
		return serverHello{}, answerOf(err)
	}
	return hello, accepted
}

// answerOf tells a refusal (an alert, or hanging up) from no answer.
func answerOf(err error) answer {
	if _, cut := cutFault(err); cut && !isTimeout(err) {
		return refused
	}
	if errors.As(err, new(alertError)) || errors.Is(err, errNotTLS) || errors.Is(err, errBadHello) || errors.Is(err, syscall.EPIPE) {
		return refused
	}
	return unknown
}

// profileVersions are the versions of a profile of the Mozilla guideline 6.0.
func profileVersions(profile steps.Profile) []uint16 {
	if profile == steps.Modern {
		return []uint16{tls13}
	}
	return []uint16{tls12, tls13}
}

// judgeVersions compares with the profile that was asked for; without one, versions that every browser refuses are a
// warning, and so is no TLS 1.3.
func judgeVersions(versions map[uint16]answer, expect *steps.Site) outcome {
	offered, old, silent := sortVersions(versions)
	seen := strings.Join(offered, ", ")
	switch {
	case len(silent) > 0:
		return skip("not judged: no answer to a hello of %s", strings.Join(silent, ", "))
	case expect != nil:
		return judgeProfile(versions, seen, expect.SSL.Profile)
	case versions[tls12] != accepted && versions[tls13] != accepted:
		return fail(faultNoOverlap, "offered: %s; browsers need TLS 1.2 or 1.3", orElse(seen, "nothing"))
	case len(old) > 0:
		return warn(faultOldVersion, "offered: %s; %s are broken and no browser uses them", seen, strings.Join(old, ", "))
	case versions[tls13] != accepted:
		return warn(faultVersion, "offered: %s; TLS 1.3 is missing", seen)
	}
	return ok("offered: %s", seen)
}

func sortVersions(versions map[uint16]answer) (offered, old, silent []string) {
	for _, v := range allVersions {
		switch versions[v] {
		case unknown:
			silent = append(silent, versionNames[v])
		case accepted:
			offered = append(offered, versionNames[v])
			if v < tls12 {
				old = append(old, versionNames[v])
			}
		}
	}
	return offered, old, silent
}

func judgeProfile(versions map[uint16]answer, seen string, profile steps.Profile) outcome {
	wanted := profileVersions(profile)
	for _, v := range allVersions {
		has, should := versions[v] == accepted, slices.Contains(wanted, v)
		switch {
		case has && !should:
			return fail(faultOldVersion, "offered: %s; the %s profile has no %s", seen, profile, versionNames[v])
		case !has && should:
			return fail(faultVersion, "offered: %s; the %s profile has %s", orElse(seen, "nothing"), profile, versionNames[v])
		}
	}
	return ok("offered: %s, exactly the %s profile of the Mozilla guideline 6.0", seen, profile)
}

// judgeSuites compares the suites with the guideline. key is the leaf's, since a suite that needs the other kind of key
// cannot be offered.
func judgeSuites(s scan, key string, expect *steps.Site) outcome {
	extra := slices.DeleteFunc(beyondGuideline(s), func(x suite) bool { return onRequest(x, expect) })
	weak := slices.DeleteFunc(slices.Clone(extra), func(x suite) bool { return !x.broken() })
	seen := names(slices.Concat(s.suites13, s.suites12))
	switch {
	case len(weak) > 0:
		return fail(faultBroken, "%d of %d ciphers protect nobody: %s", len(weak), len(s.suites12)+len(s.suites13), names(weak))
	case expect != nil && len(extra) > 0:
		return fail(faultCiphers, "%d ciphers that the %s profile does not have: %s", len(extra), expect.SSL.Profile, names(extra))
	case len(extra) > 0:
		return warn(faultCiphers, "%d ciphers that the Mozilla guideline 6.0 does not have: %s", len(extra), names(extra))
	case seen == "" || !s.whole:
		return skip("not judged: the server stopped answering; seen so far: %s", orElse(seen, "none"))
	case s.versions[tls12] == accepted && missing(s.suites12, key) != "":
		return ok("%s; of the guideline only, without %s", seen, missing(s.suites12, key))
	}
	if expect.DH() {
		return ok("%s; the Mozilla guideline 6.0, and DHE as asked", seen)
	}
	return ok("%s; exactly the Mozilla guideline 6.0", seen)
}

// onRequest reports the three DHE suites of guideline 5.7, which a site has that asked for a DH group.
func onRequest(x suite, expect *steps.Site) bool {
	return expect.DH() && slices.Contains([]string{"DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305"}, x.name)
}

// beyondGuideline returns the suites that the guideline does not have; TLS 1.3 has three.
func beyondGuideline(s scan) []suite {
	return slices.DeleteFunc(slices.Concat(s.suites13, s.suites12), func(x suite) bool {
		return slices.Contains(guidelineSuites, x) || slices.Contains(suites13[:3], x)
	})
}

// missing names the suites of the guideline for this kind of key that are not offered.
func missing(offered []suite, key string) string {
	var lacking []suite
	for _, g := range guidelineSuites {
		if strings.Contains(g.name, key) && !slices.Contains(offered, g) {
			lacking = append(lacking, g)
		}
	}
	return names(lacking)
}

// keyName is how suite names call the leaf's kind of key.
func keyName(leaf []byte) string {
	if cert, err := x509.ParseCertificate(bytes.Clone(leaf)); err == nil {
		if _, is := cert.PublicKey.(*ecdsa.PublicKey); is {
			return "-ECDSA-"
		}
	}
	return "-RSA-"
}

// judgeGroups is worth knowing, never a fault: the post-quantum group is not in every library yet.
func judgeGroups(s scan) outcome {
	if s.versions[tls13] != accepted {
		return skip("not judged: groups are asked in TLS 1.3, which is not offered")
	}
	var list []string
	for _, g := range s.groups {
		list = append(list, groupNames[g])
	}
	seen := strings.Join(list, ", ")
	if slices.Contains(s.groups, groupX25519MLKEM768) {
		return ok("%s; safe against a later quantum computer", seen)
	}
	return ok("%s; no post-quantum group (X25519MLKEM768 needs OpenSSL 3.5)", orElse(seen, "none that was asked for"))
}
