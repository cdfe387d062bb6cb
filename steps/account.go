package steps

import "time"

// ACMEAccount is an account of this server at a CA (RFC 8555 section 7.1.2), without its key.
type ACMEAccount struct {
	Directory string    `json:"directory"`
	URL       string    `json:"url"` // empty: its registration did not come to an end
	Email     string    `json:"email,omitempty"`
	Key       string    `json:"key"`                  // SHA-256 of its public key; empty: the key cannot be read
	Thumb     string    `json:"thumbprint,omitempty"` // of the key, as in RFC 7638
	EAB       string    `json:"eabKeyID,omitempty"`   // the account at the CA's website that a site's answers name for it
	KeyFile   string    `json:"keyFile"`
	Since     time.Time `json:"since"`            // of the key
	Moving    bool      `json:"moving,omitempty"` // a new key was made, and is not in use yet
	Sites     []string  `json:"sites"`            // that have their certificates by it
}

// AccountRequest is what is to be done with the account at a directory.
type AccountRequest struct {
	Directory string // https URL
	CARoots   string // PEM file with the roots of a private directory; empty: those of the system
	KeyFile   string // to be moved in
	Replace   bool   // one that is there is given up
}

// DirectoryOf reads a directory as trusted.directory does: an alias or an https URL.
func DirectoryOf(text string) (string, error) { return parseDirectory(text) }
