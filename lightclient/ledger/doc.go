// Package ledger is what "valid" means: the formats that members sign and
// clients check, with strict parsers and limits.
//
// Everything signed is a C2SP signed note (golang.org/x/mod/sumdb/note);
// everything provable is an RFC 6962 tree (golang.org/x/mod/sumdb/tlog). The
// bytes are specified in lightclient/SPEC.md. The package is pure: no network,
// no disk, no clock, no goroutine, no state.
//
// A type whose name starts with Unverified, or that a Parse function returned,
// has the right form and no more. A Record or a Certificate has been checked.
package ledger

import (
	"errors"
	"fmt"
)

// The outcome classes of every parser and check here. Errors wrap exactly one
// of them; the test vectors name them by these texts.
var (
	ErrFormat    = errors.New("format")       // not the canonical bytes of this version
	ErrLimit     = errors.New("limit")        // larger than the format allows
	ErrSignature = errors.New("signature")    // a needed signature is missing or wrong
	ErrLedger    = errors.New("other ledger") // well formed, but of another ledger
	ErrQuorum    = errors.New("below quorum") // fewer valid cosignatures than the quorum
	ErrProof     = errors.New("proof")        // a Merkle proof does not lead to the root
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

func tooLarge(what string, size, limit int) error {
	return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrLimit, what, size, limit)
}
