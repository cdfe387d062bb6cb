package h2

import (
	"strings"

	"golang.org/x/net/http2/hpack"
)

// The library has the tables of RFC 7541's appendices, and does not show them; they are asked of it once.

// staticNames are the names in the static table, and where each is first.
var staticNames = func() map[string]int {
	names := map[string]int{}
	var at int
	d := hpack.NewDecoder(0, func(f hpack.HeaderField) {
		if _, there := names[f.Name]; !there {
			names[f.Name] = at
		}
	})
	for at = 1; at <= staticSize; at++ {
		_, _ = d.Write([]byte{0x80 | byte(at)}) // all of them are there
	}
	return names
}()

const staticSize = 61

// huffman is the code of each byte.
var huffman = func() (table [256]huffmanCode) {
	for c := range table {
		one := string([]byte{byte(c)})
		bits := hpack.HuffmanEncodeLength(strings.Repeat(one, 8)) // in bytes, of eight
		var code uint32
		for _, b := range hpack.AppendHuffmanString(nil, one) {
			code = code<<8 | uint32(b)
		}
		table[c] = huffmanCode{code >> ((8 - bits%8) % 8), uint8(bits)}
	}
	return table
}()

type huffmanCode struct {
	code uint32
	bits uint8
}
