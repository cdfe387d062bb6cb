package renew

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/rootonly"
)

// binding reads the external account binding when an account is made; nil where none was said, and for the directory of a
// rehearsal, which is another.
func (o obtain) binding(r host.Reader, directory string) func() (acme.Binding, error) {
	if o.Trusted.EAB.KeyID == "" || directory != o.Trusted.Directory {
		return nil
	}
	return func() (acme.Binding, error) { return readBinding(r, o.Trusted.EAB) }
}

// bindable refuses a key that could not be used, before anything is begun. An account that is there needs none; who may
// not look learns nothing.
func (o obtain) bindable(r host.Reader) error {
	if o.Trusted.EAB.KeyID == "" || accountURL(r, o.Trusted.Directory) != "" {
		return nil
	}
	_, err := readBinding(r, o.Trusted.EAB)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// maxSecret is far more than any HMAC key has.
const maxSecret = 4096

// minSecret is what RFC 7518 section 3.2 asks of a key for HS256.
const minSecret = 32

// readBinding reads the HMAC key from its file. Nothing of the file's content goes into an error.
func readBinding(r host.Reader, b steps.SiteBinding) (acme.Binding, error) {
	file := steps.CleanLine(b.KeyFile)
	bad := func(why string, err error, fix string) error {
		return &steps.Failure{Text: "cannot use the HMAC key in " + file + why, Code: "A18", Err: err, Status: steps.ExitAnswers, Fixes: []string{fix}}
	}
	f, seen := rootonly.Secret(r, b.KeyFile)
	switch {
	case seen.Sealed:
		return acme.Binding{}, bad("", fs.ErrPermission, "sudo sslwizard")
	case seen.Absent:
		return acme.Binding{}, bad(": "+seen.Wrong(), nil, "put the HMAC key that the CA gave into it, for root only, or correct trusted.eab.keyFile")
	case seen.Open != "":
		return acme.Binding{}, bad(": "+seen.Wrong(), nil, "sudo chown root: "+file+" && sudo chmod 600 "+file)
	case seen.Fault != "":
		return acme.Binding{}, bad(": "+seen.Wrong(), nil, "check trusted.eab.keyFile")
	}
	secret := strings.TrimRight(strings.TrimSpace(string(f.Data)), "=")
	secret = strings.NewReplacer("+", "-", "/", "_").Replace(secret)
	key, err := base64.RawURLEncoding.DecodeString(secret)
	switch {
	case err != nil || secret == "" || len(secret) > maxSecret:
		return acme.Binding{}, bad(": it is not one key in base64url", nil, "put the HMAC key into it as the CA shows it, and nothing else")
	case len(key) < minSecret: // HS256 takes none, and it would look like the CA's fault
		return acme.Binding{}, bad(fmt.Sprintf(": the key in it is shorter than %d bytes", minSecret), nil, "put the whole HMAC key into it, as the CA shows it")
	}
	return acme.Binding{KeyID: b.KeyID, HMAC: secret}, nil
}
