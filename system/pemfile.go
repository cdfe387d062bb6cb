package system

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"

	"github.com/c93d5bcb/sslwizard/steps"
)

// maxPEM is how much is read of a file that an option names, in bytes: several times what a system trusts. Not every path has
// an end.
const maxPEM = 4 << 20

// readRoots reads the PEM certificates that --ca says to trust, if it says any. Of a pipe nothing is left for a second time.
func readRoots(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readPEM(path)
	if err != nil {
		return nil, &steps.Failure{Text: "cannot read the CA file", Err: err, Status: steps.ExitUsage, Fixes: []string{"--ca FILE, a PEM file with the root certificate"}}
	}
	return text, nil
}

// rootsOf reads them for who trusts them and no others.
func rootsOf(path string) (*x509.CertPool, error) {
	text, err := readRoots(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, &steps.Failure{Text: "cannot use " + steps.CleanLine(path) + " as a CA file: there is no PEM certificate in it", Status: steps.ExitUsage,
			Fixes: []string{"openssl x509 -in " + steps.CleanLine(path) + " -noout -text    shows what it is"}}
	}
	return pool, nil
}

// clientPair reads what --client-cert and --client-key name.
func clientPair(certificate, key string) (pair tls.Certificate, err error) {
	var chain, private []byte
	if chain, err = readPEM(certificate); err == nil {
		private, err = readPEM(key)
	}
	if err == nil {
		pair, err = tls.X509KeyPair(chain, private)
	}
	if err != nil {
		return pair, &steps.Failure{Text: "cannot use the client's certificate", Err: err, Status: steps.ExitUsage,
			Fixes: []string{"--client-cert FILE --client-key FILE, both PEM, and the key without a password"}}
	}
	return pair, nil
}

func readPEM(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(text) > maxPEM {
		err = fmt.Errorf("%s is larger than %s", steps.CleanLine(path), steps.FormatSize(maxPEM))
	}
	return text, err
}
