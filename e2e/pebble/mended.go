package pebbletest

import (
	"reflect"
	"time"
	"unsafe"

	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// patient has the CA wait for the DNS as long as a real one does, and not two seconds: on a busy machine, with hundreds of
// tests at once, it would refuse names for no fault of theirs. Pebble has no option for it.
func patient(v *va.VAImpl) {
	field := reflect.ValueOf(v).Elem().FieldByName("dnsClient")
	if client := *(**dns.Client)(unsafe.Pointer(field.UnsafeAddr())); client != nil {
		client.Timeout = 15 * time.Second
	}
}

// reuseNone has no authorization be used again. What Pebble calls 0 % is 1 %: it asks rand.Intn(100) > percent.
func reuseNone(w *wfe.WebFrontEndImpl) {
	field := reflect.ValueOf(w).Elem().FieldByName("authzReusePercent")
	*(*int)(unsafe.Pointer(field.UnsafeAddr())) = -1
}
