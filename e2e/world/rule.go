package world

import (
	"context"
	"fmt"
	"net"
)

// Divert has what the server itself sends to a port of its IPv4 address go to another port, as a rule of somebody who put a
// filter before the web server. Undivert takes it away.
func (s *Server) Divert(port, to int) {
	s.w.t.Helper()
	for _, line := range []string{
		"add table ip divert",
		"add chain ip divert output { type nat hook output priority -100 ; }",
		fmt.Sprintf("add rule ip divert output ip daddr %s tcp dport %d redirect to :%d", s.host.v4, port, to),
	} {
		must(s.w.t, s.host.in("nft", line)...)
	}
}

// Undivert undoes Divert.
func (s *Server) Undivert() {
	s.w.t.Helper()
	must(s.w.t, s.host.in("nft", "delete table ip divert")...)
}

// IP runs ip(8) on the server from outside, as its provider changes its network.
func (s *Server) IP(words string) { s.w.t.Helper(); s.w.ip("-n " + s.host.netns + " " + words) }

// Rule has nft(8) take a line on the server, from outside.
func (s *Server) Rule(line string) { s.w.t.Helper(); must(s.w.t, s.host.in("nft", line)...) }

// Dial connects from the server.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return s.host.dial(ctx, network, address)
}
