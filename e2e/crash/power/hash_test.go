//go:build linux && amd64

package power

import (
	"crypto/sha256"
	"encoding/hex"
)

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
