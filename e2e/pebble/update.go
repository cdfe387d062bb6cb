package pebbletest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// updates are what this server does as the primary of a zone that takes dynamic updates (RFC 2136), signed with TSIG
// (RFC 8945). A name with Servers is a zone; its Key, "name:base64", may change everything in it.

// accepts lets updates in beside what a server takes anyway.
func accepts(header dns.Header) dns.MsgAcceptAction {
	if opcode := int(header.Bits>>11) & 0xF; opcode == dns.OpcodeUpdate {
		return dns.MsgAccept
	}
	return dns.DefaultMsgAcceptFunc(header)
}

// update carries out one message and returns its code.
func (d *DNS) update(w dns.ResponseWriter, request *dns.Msg) int {
	if len(request.Question) != 1 {
		return dns.RcodeFormatError
	}
	zone := dns.CanonicalName(request.Question[0].Name)
	d.mu.Lock()
	defer d.mu.Unlock()
	record, ok := d.records[zone]
	switch {
	case !ok || len(record.Servers) == 0:
		return dns.RcodeNotAuth
	case record.Key == "":
		return dns.RcodeRefused
	}
	name, _, _ := strings.Cut(record.Key, ":")
	signature := request.IsTsig()
	switch {
	case signature == nil:
		return dns.RcodeRefused
	case w.TsigStatus() != nil || signature.Hdr.Name != dns.CanonicalName(name):
		return dns.RcodeNotAuth
	}
	for _, rr := range request.Ns {
		if !dns.IsSubDomain(zone, rr.Header().Name) {
			return dns.RcodeNotZone
		}
		d.change(rr)
	}
	return dns.RcodeSuccess
}

// change does what one record of an update says; d.mu is held.
func (d *DNS) change(rr dns.RR) {
	name := dns.CanonicalName(rr.Header().Name)
	txt, ok := rr.(*dns.TXT)
	if !ok {
		return
	}
	value := strings.Join(txt.Txt, "")
	r := d.records[name]
	r.Texts = slices.DeleteFunc(slices.Clone(r.Texts), func(t string) bool { return t == value })
	if rr.Header().Class == dns.ClassINET {
		r.Texts = append(r.Texts, value)
	}
	if d.records[name] = r; r.empty() {
		delete(d.records, name)
	}
}

func (r Record) empty() bool {
	return len(r.Addresses)+len(r.Texts)+len(r.CAA)+len(r.Names)+len(r.Servers) == 0 && r.Alias == "" && !r.Fail
}

// keys has the secrets of the zones' keys: a dns.TsigProvider.
type keys struct{ dns *DNS }

func (k keys) sum(message []byte, t *dns.TSIG) ([]byte, error) {
	hashes := map[string]func() hash.Hash{dns.HmacSHA256: sha256.New, dns.HmacSHA384: sha512.New384, dns.HmacSHA512: sha512.New}
	make, ok := hashes[dns.CanonicalName(t.Algorithm)]
	if !ok {
		return nil, dns.ErrKeyAlg
	}
	k.dns.mu.Lock()
	defer k.dns.mu.Unlock()
	for _, r := range k.dns.records {
		name, secret, _ := strings.Cut(r.Key, ":")
		if secret == "" || dns.CanonicalName(name) != dns.CanonicalName(t.Hdr.Name) {
			continue
		}
		bytes, err := base64.StdEncoding.DecodeString(secret)
		if err != nil {
			return nil, err
		}
		mac := hmac.New(make, bytes)
		mac.Write(message)
		return mac.Sum(nil), nil
	}
	return nil, dns.ErrSecret
}

// Generate implements dns.TsigProvider.
func (k keys) Generate(message []byte, t *dns.TSIG) ([]byte, error) { return k.sum(message, t) }

// Verify implements dns.TsigProvider.
func (k keys) Verify(message []byte, t *dns.TSIG) error {
	want, err := k.sum(message, t)
	if err != nil {
		return err
	}
	got, err := hex.DecodeString(t.MAC)
	if err != nil || !hmac.Equal(got, want) {
		return dns.ErrSig
	}
	return nil
}
