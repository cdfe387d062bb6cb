package acme

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

// TestBinding registers at a CA that wants an external account binding: the right one, and all that is not. The key is
// said in no message.
func TestBinding(t *testing.T) {
	t.Parallel()
	secret := base64.RawURLEncoding.EncodeToString([]byte("a key of thirty-two bytes, or so"))
	other := base64.RawURLEncoding.EncodeToString([]byte("another of thirty-two bytes, too"))
	w := newWorld(t, pebbletest.Options{EAB: true, EABKeys: map[string]string{"kid-1": secret}})
	noFile := errors.New("there is no such file")
	for name, c := range map[string]struct {
		bound Binding
		err   error
		code  string
	}{
		"none":        {Binding{}, nil, "A18"},
		"unreadable":  {Binding{}, noFile, ""},
		"unknown ID":  {Binding{"kid-2", secret}, nil, "A18"},
		"another key": {Binding{"kid-1", other}, nil, "A18"},
	} {
		r := w.request("shop.example.com")
		if name != "none" {
			r.Binding = func() (Binding, error) { return c.bound, c.err }
		}
		_, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
		if c.err != nil {
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		f := expect(t, err, c.code, steps.ExitAnswers)
		if told := fmt.Sprintf("%v %q %+v", err, f.Fixes, w.said); strings.Contains(told, secret) || strings.Contains(told, other) {
			t.Errorf("%s: the key is told: %s", name, told)
		}
	}
	asked := 0
	r := w.request("shop.example.com")
	r.Binding = func() (Binding, error) { asked++; return Binding{"kid-1", secret}, nil }
	for range 2 {
		chain, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
		if err != nil {
			t.Fatal(err)
		}
		w.trusted(chain, "shop.example.com")
	}
	if asked != 1 {
		t.Errorf("the key was read %d times; the account is made once", asked)
	}
}
