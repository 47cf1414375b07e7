package ledger

import (
	"crypto/sha256"
	_ "embed"
	"strings"
	"sync"
)

// english is the English list of BIP-39, 2,048 words. The libraries for BIP-39
// bring nine languages, and would be a tenth of the browser's light client.
//
//go:embed bip39-english.txt
var english string

var wordList = sync.OnceValue(func() []string { return strings.Fields(english) })

// words writes 128 bits and a checksum of 4 as twelve words, as BIP-39 does.
func words(entropy [16]byte) []string {
	sum := sha256.Sum256(entropy[:])
	bits := append(entropy[:], sum[0])
	out := make([]string, 12)
	for i := range out {
		index := 0
		for bit := 11 * i; bit < 11*i+11; bit++ {
			index = index<<1 | int(bits[bit/8]>>(7-bit%8)&1)
		}
		out[i] = wordList()[index]
	}
	return out
}
