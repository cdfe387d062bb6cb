package steps

import "slices"

// RevocationReason says why a certificate is withdrawn (RFC 5280 section 5.3.1).
type RevocationReason string

// The reasons that public CAs take from who has a certificate.
const (
	Unspecified          RevocationReason = "unspecified"
	KeyCompromise        RevocationReason = "keyCompromise"
	Superseded           RevocationReason = "superseded"
	CessationOfOperation RevocationReason = "cessationOfOperation"
)

// RevocationReasons lists them, the default first.
func RevocationReasons() []RevocationReason {
	return []RevocationReason{Unspecified, KeyCompromise, Superseded, CessationOfOperation}
}

// Code is the number of the reason.
func (r RevocationReason) Code() uint {
	return map[RevocationReason]uint{KeyCompromise: 1, Superseded: 4, CessationOfOperation: 5}[r]
}

// Known reports whether it is one of them.
func (r RevocationReason) Known() bool { return slices.Contains(RevocationReasons(), r) }

// RevokeRequest is a certificate to be withdrawn.
type RevokeRequest struct {
	Site   string
	Reason RevocationReason
	Only   bool // no new certificate takes its place
	Again  bool // also one that took the place of what was revoked
	DryRun bool // only say what would be done
}
