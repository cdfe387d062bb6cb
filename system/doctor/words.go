package doctor

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// short cleans text from outside and cuts it to what a message can hold.
func short(text string) string {
	const most = 200
	text = steps.CleanLine(text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + " …"
	}
	return text
}

// reason is a few words for a failed request.
func reason(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if isTimeout(err) {
		return "no answer in time"
	}
	return short(err.Error())
}

func isTimeout(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}

// plainDial takes the addresses and operation that net adds away: the sentence around it has them.
func plainDial(err error) string {
	if isTimeout(err) {
		return "no answer in time"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	text := short(err.Error())
	if _, last, ok := strings.Cut(text, ": "); ok {
		return last
	}
	return text
}

// list names addresses, of which a DNS can name thousands.
func list(addresses []netip.Addr) string {
	const most = 4
	if len(addresses) == 0 {
		return "none"
	}
	var out []string
	for _, a := range addresses[:min(len(addresses), most)] {
		out = append(out, a.String())
	}
	if len(addresses) > most {
		out = append(out, "more")
	}
	return strings.Join(out, ", ")
}
