package assets

import _ "embed" // the files below

// The Diffie-Hellman groups of RFC 7919 appendix A in PEM (PKCS #3), for ssl_dhparam. They are public constants: a group
// that was made at home is no safer, and nobody can check it.
var (
	//go:embed nginx/ffdhe2048.pem
	FFDHE2048 []byte
	//go:embed nginx/ffdhe3072.pem
	FFDHE3072 []byte
)
