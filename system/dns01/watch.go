package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// Watch looks at what the name servers of a zone say. The zero value of every option is right outside tests.
type Watch struct {
	Resolver *resolve.Client // nil: the system's
	Poll     time.Duration   // between the first two looks, and longer from look to look; 0: 1 s
	Patience time.Duration   // until a record has to be everywhere; 0: 10 min
	Blind    time.Duration   // where no name server can be asked: until the CA is let look; 0: 2 min
	Say      func(string)    // may be nil
}

// maxAliases is how many CNAMEs are followed; a CA follows about as many.
const maxAliases = 8

// silences is how often a server may say nothing before it does not count: a CA would ask another one.
const silences = 3

func (w Watch) filled() Watch {
	if w.Resolver == nil {
		w.Resolver = resolve.System()
	}
	if w.Poll == 0 {
		w.Poll = time.Second
	}
	if w.Patience == 0 {
		w.Patience = 10 * time.Minute
	}
	if w.Blind == 0 {
		w.Blind = 2 * time.Minute
	}
	return w
}

// ChallengeName is where the record of a name, or of a wildcard below it, is looked for.
func ChallengeName(d steps.Domain) string {
	return "_acme-challenge." + strings.TrimPrefix(string(d), "*.")
}

// ErrCircle is for aliases that lead back to themselves.
var ErrCircle = errors.New("its aliases (CNAME) lead back to itself")

// Follow is the name at the end of the aliases of a name: where the record has to be. Each alias is asked for at the name
// servers that know it.
func (w Watch) Follow(ctx context.Context, name string) (string, error) {
	w = w.filled()
	name = resolve.Plain(name)
	seen := []string{name}
	for range maxAliases {
		next, err := w.alias(ctx, name)
		switch {
		case err != nil:
			return "", err
		case next == "":
			return name, nil
		case slices.Contains(seen, next):
			return "", ErrCircle
		}
		name, seen = next, append(seen, next)
	}
	return "", ErrCircle
}

// alias is the CNAME of a name; empty when it has none.
func (w Watch) alias(ctx context.Context, name string) (string, error) {
	reply, err := w.anyOf(ctx, name, dnsmessage.TypeCNAME)
	if err != nil {
		return "", fmt.Errorf("the DNS of %s does not answer: %w", steps.CleanLine(name), err)
	}
	if chain := resolve.Aliases(reply, name); len(chain) > 0 {
		return chain[0], nil
	}
	return "", nil
}

// anyOf asks the name servers of a name in turn, and the system's resolvers when none of them is known or answers.
func (w Watch) anyOf(ctx context.Context, name string, kind dnsmessage.Type) (resolve.Reply, error) {
	for _, server := range w.servers(ctx, name) {
		for _, address := range server.addresses {
			reply, err := w.Resolver.Ask(ctx, address, resolve.Question{Name: name, Type: kind, Direct: true})
			if err == nil && (reply.OK() || reply.Absent()) && reply.Authoritative {
				return reply, nil
			}
		}
	}
	reply, err := w.Resolver.Resolve(ctx, resolve.Question{Name: name, Type: kind})
	if err == nil && !reply.OK() && !reply.Absent() {
		err = errors.New(reply.Word())
	}
	return reply, err
}

// server is one name server of a zone, with every address that it has.
type server struct {
	name      string
	addresses []string
}

func (w Watch) servers(ctx context.Context, name string) []server {
	_, names, _ := w.Resolver.ZoneOf(ctx, name)
	all := make([]server, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() {
			all[i].name = name
			addresses, _ := w.Resolver.LookupNetIP(ctx, "ip", name)
			for _, a := range addresses[:min(len(addresses), 4)] {
				all[i].addresses = append(all[i].addresses, net.JoinHostPort(a.Unmap().String(), "53"))
			}
		})
	}
	wait.Wait()
	return all
}

// look is what all of them said at one time.
type look struct {
	have    int
	lacking []string // those that answer, and do not have it
	silent  []string
	blind   bool // none of them can be asked
}

// Until waits until every name server of the zone that answers has the record, twice in a row: what one of them says may
// come from one machine of many.
//
// Where none can be asked, as in a network that lets no questions out, the resolver is: it may have kept for a while that
// there is no such record, so what it does not know is no reason to give up, and after a time the CA looks for itself.
func (w Watch) Until(ctx context.Context, r Record) error {
	w = w.filled()
	deadline, pause := time.Now().Add(w.Patience), w.Poll
	var last look
	seen := time.Now() // that a name server could be asked
	var servers []server
	for round, good := 1, 0; ; round++ {
		if !known(servers) {
			servers = w.servers(ctx, r.Name)
		}
		last = w.lookAt(ctx, servers, r)
		if last.good(round) {
			if good++; good > 1 {
				return nil
			}
		} else {
			good = 0
		}
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if !last.blind {
			seen = time.Now()
		} else if time.Since(seen) >= w.Blind {
			if w.Say != nil {
				w.Say("No name server of the zone can be asked from here; the CA looks for itself")
			}
			return nil
		}
		if time.Now().Add(pause).After(deadline) {
			return w.late(r, last)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(pause*5/4, 10*w.Poll)
	}
}

// known reports that each of the servers can be asked; then they need not be looked up again during one wait.
func known(servers []server) bool {
	unknown := func(s server) bool { return len(s.addresses) == 0 }
	return len(servers) > 0 && !slices.ContainsFunc(servers, unknown)
}

// good reports that nothing speaks against the record being seen. Who is silent gets some time to speak.
func (l look) good(round int) bool {
	return l.have > 0 && len(l.lacking) == 0 && (l.blind || len(l.silent) == 0 || round >= silences)
}

func (w Watch) lookAt(ctx context.Context, servers []server, r Record) look {
	var l look
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, s := range servers {
		for _, address := range s.addresses {
			wait.Go(func() {
				reply, err := w.Resolver.Ask(ctx, address, resolve.Question{Name: r.Name, Type: dnsmessage.TypeTXT, Direct: true})
				mu.Lock()
				defer mu.Unlock()
				l.note(s.name+" ("+strings.TrimSuffix(address, ":53")+")", reply, err, r)
			})
		}
	}
	wait.Wait()
	if l.have == 0 && len(l.lacking) == 0 {
		l.blind = true
		reply, err := w.Resolver.Resolve(ctx, resolve.Question{Name: r.Name, Type: dnsmessage.TypeTXT})
		if err == nil && slices.Contains(resolve.Texts(reply, r.Name), r.Value) {
			l.have++
		}
	}
	slices.Sort(l.lacking)
	slices.Sort(l.silent)
	return l
}

func (l *look) note(who string, reply resolve.Reply, err error, r Record) {
	switch {
	case err != nil, !reply.OK() && !reply.Absent(), !reply.Authoritative:
		l.silent = append(l.silent, who)
	case slices.Contains(resolve.Texts(reply, r.Name), r.Value):
		l.have++
	default:
		l.lacking = append(l.lacking, who)
	}
}

// late is a record that has not come everywhere in time.
func (w Watch) late(r Record, l look) error {
	who, why := l.lacking, "still do not have it: "
	if len(who) == 0 {
		who, why = l.silent, "do not answer: "
	}
	total := l.have + len(l.lacking) + len(l.silent)
	return &steps.Failure{
		Text: fmt.Sprintf("cannot see the TXT record of %s at all name servers of its zone after %s: %d of %d %s%s",
			steps.CleanLine(r.Name), w.Patience.Round(time.Second), len(who), total, why, steps.CleanLine(strings.Join(who[:min(len(who), 3)], ", "))),
		Code: "A11", Status: steps.ExitTryLater,
		Fixes: []string{"run the same command again in some minutes; if it stays so, check that these are the name servers of the provider in trusted.dns.provider: dig +short NS of the domain"},
	}
}
