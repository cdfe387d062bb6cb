package apply

import (
	"bytes"
	"fmt"
)

// sealed adds a line with the hash of the text: a disk can give back something else that is JSON as well.
func sealed(text []byte) []byte {
	return fmt.Appendf(text, "%q\n", "sha256:"+hashOf(text))
}

// unsealed is the text, and whether it is the one that was sealed.
func unsealed(data []byte) ([]byte, bool) {
	end := bytes.LastIndexByte(bytes.TrimSuffix(data, []byte("\n")), '\n') + 1
	text := data[:end]
	if len(text) == 0 {
		return data, false
	}
	return text, bytes.Equal(data, sealed(bytes.Clone(text)))
}
