package renew

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/rootonly"
)

// files is the user's own certificate (trusted.source: files). It is copied: a later change of the user's files counts
// only when it was judged.
type files steps.ImportCertificate

func (f files) site() string  { return f.Site }
func (f files) group() string { return f.Group }

func (f files) pending(r host.Reader, p *present, now time.Time) (steps.Action, string, error) {
	v, err := f.read(r, now)
	if errors.Is(err, fs.ErrPermission) {
		return steps.Execute, "your certificate and key can be looked at by root only", nil
	}
	switch {
	case err != nil:
		return 0, "", err
	case p == nil:
		return steps.Create, "a copy of " + steps.CleanLine(f.Certificate), nil
	case p.Meta.Source == steps.SourceFiles && bytes.Equal(p.Chain, v.Chain) && bytes.Equal(p.Key, v.Key):
		return steps.Nothing, left(p.facts, now), nil
	case p.Meta.Source == steps.SourceFiles:
		return steps.Modify, "your files changed", nil
	}
	return steps.Modify, "a copy of " + steps.CleanLine(f.Certificate), nil
}

func (f files) make(_ context.Context, j *job) (string, error) {
	v, err := f.read(j.host, j.now())
	if err != nil {
		return "", err
	}
	return cert.Add(j.host, f.Site, v)
}

// read judges both files and returns them in the form in which they are stored.
func (f files) read(r host.Reader, now time.Time) (cert.Version, error) {
	chainText, err := readFile(r, f.Certificate)
	if err != nil {
		return cert.Version{}, unreadable("certificate", "trusted.certificate", f.Certificate, err)
	}
	keyText, err := readFile(r, f.PrivateKey)
	if err != nil {
		return cert.Version{}, unreadable("private key", "trusted.key", f.PrivateKey, err)
	}
	chain, err := cert.ParseChain(chainText)
	if err != nil {
		return cert.Version{}, unreadable("certificate", "trusted.certificate", f.Certificate, err)
	}
	key, err := cert.ParseKey(keyText)
	if errors.Is(err, cert.ErrEncryptedKey) {
		return cert.Version{}, encrypted(f.PrivateKey, err)
	}
	if err != nil {
		return cert.Version{}, unreadable("private key", "trusted.key", f.PrivateKey, err)
	}
	if err := cert.Check(chain, cert.Expected{Key: key.Public(), Domains: f.Domains, Now: now}); err != nil {
		return cert.Version{}, f.unusable(err)
	}
	if err := checkIntermediate(chain); err != nil {
		return cert.Version{}, f.unusable(err)
	}
	text, err := cert.MarshalKey(key)
	if err != nil {
		return cert.Version{}, err
	}
	meta := cert.Meta{Source: steps.SourceFiles, Group: f.Group, Made: now.UTC()}
	return cert.Version{Key: text, Chain: cert.EncodeChain(chain), Meta: meta}, nil
}

// checkIntermediate refuses the commonest mistake with files: the server's certificate alone. A certificate that says
// where its issuer can be fetched comes from a public CA, and those never sign with a root.
func checkIntermediate(chain []*x509.Certificate) error {
	leaf := chain[0]
	if len(chain) > 1 || len(leaf.IssuingCertificateURL) == 0 {
		return nil
	}
	return &cert.Fault{Kind: cert.FaultChain, Code: "A23", Text: "the intermediate certificate is missing: the file has only the server's own, issued by " +
		steps.CleanLine(leaf.Issuer.CommonName)}
}

func readFile(r host.Reader, name string) ([]byte, error) {
	f, err := rootonly.Linked(r, name)
	return f.Data, err
}

// Roots reads trusted.caRoots: the certificates, in PEM, that a private directory is trusted by. No file is no roots.
func Roots(r host.Reader, file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := readFile(r, file)
	if err == nil {
		_, err = cert.ParseChain(pem)
	}
	if err != nil {
		return nil, unreadable("CA certificate", "trusted.caRoots", file, err)
	}
	return pem, nil
}

func unreadable(what, key, file string, err error) error {
	fix := fmt.Sprintf("check the path in %s, and that the file is PEM", key)
	if errors.Is(err, fs.ErrNotExist) {
		fix = fmt.Sprintf("there is no such file: correct %s", key)
	}
	return &steps.Failure{
		Text: fmt.Sprintf("cannot use the %s in %s", what, steps.CleanLine(file)), Err: err,
		Status: steps.ExitAnswers, Fixes: []string{fix},
	}
}

func encrypted(file string, err error) error {
	file = steps.CleanLine(file)
	return &steps.Failure{
		Text: "cannot use the private key in " + file, Err: err, Status: steps.ExitAnswers,
		Fixes: []string{"a server starts without anybody to type: sudo openssl pkey -in " + file + " -out " + file + ".plain, and name that file in trusted.key"},
	}
}

func (f files) unusable(err error) error {
	failure := broken("cannot use the certificate in "+steps.CleanLine(f.Certificate), err)
	failure.Status = steps.ExitAnswers
	failure.Fixes = []string{fileFix(err)}
	return failure
}

func fileFix(err error) string {
	var fault *cert.Fault
	if errors.As(err, &fault) {
		switch fault.Kind {
		case cert.FaultKey:
			return "let trusted.key name the key that this certificate was made with"
		case cert.FaultNames:
			return "have your CA issue a certificate for all names in certs.domains, or take the others out"
		case cert.FaultChain:
			return "put the intermediate certificates after the server's own into the same file, in the order in which they sign"
		case cert.FaultCA:
			return "put the server's own certificate first in the file"
		}
	}
	return "have your CA issue a new certificate"
}

// broken is a certificate that must not be served.
func broken(text string, err error) *steps.Failure {
	f := &steps.Failure{Text: text, Err: err, Fixes: []string{"nothing was changed; the site keeps the certificate that it has"}}
	var fault *cert.Fault
	if errors.As(err, &fault) {
		f.Code = fault.Code
	}
	return f
}

// ClientCAs reads ssl.clientCA of a site: the CAs whose clients it lets in.
func ClientCAs(r host.Reader, site steps.Site, now time.Time) (steps.ClientCA, error) {
	text, err := readFile(r, site.SSL.ClientCA)
	var ca steps.ClientCA
	if err == nil {
		ca, err = cert.ParseClientCAs(text, now)
	}
	if err != nil {
		return steps.ClientCA{}, unreadable("CA certificates of the clients", "ssl.clientCA", site.SSL.ClientCA, err)
	}
	return ca, nil
}
