// Package casefile makes and verifies the package: the one ZIP file that a
// lawyer files. It holds the proofs of one record, of an item or of a case of
// hundreds, the same artefacts as texts for other people's programs, the files
// themselves if they are disclosed, and pages for people.
//
//	manifest.json                    what is in the package: sizes, SHA-256 and SHA-512; what is left out
//	SHA256SUMS                       for sha256sum -c
//	VERIFY.txt                       how to check it by hand
//	certificate.….html, .pdf         pages for people, with the manifest's digest
//	content/<short id>/<n>.<ext>     the files, or content/EXCLUDED.txt
//	declaration/….txt                drafts for counsel
//	records/<short id>/…             proof.evident, and record, header, certificate, tlog-proof and policy as texts
//	thumbnails/<short id>/<n>.png    small pictures, for the pages
//	trust/genesis.json, members.md   who vouches for it
//
// A package has one spelling: every entry is stored, in a fixed order, with a
// fixed time, without gaps, comments or extra fields. So the same export gives
// the same bytes, and a reader that accepts these bytes only leaves nothing for
// two programs to read differently. The rules are in lightclient/SPEC.md.
//
// Only the proofs are signed. Everything else either repeats them, and is
// compared with them, or is for people, and is made again and compared where
// this program has the same edition of the texts.
//
// The package is pure: no network, no disk, no clock. Files come as readers and
// are never held in memory.
package casefile

// Limits of a package.
const (
	MaxSize    = 1 << 42 // bytes
	MaxRecords = 2000

	maxEntries   = 60_000
	maxName      = 128
	maxDirectory = maxEntries * (46 + maxName + 28) // bytes
	maxManifest  = 32 << 20
	maxProofs    = 256 << 20 // bytes of all proofs together
)

const (
	format = "evident/package/v1"

	// edition numbers the texts that the package gives people. It changes with
	// any of their bytes; older packages keep verifying, without that comparison.
	edition = 2
)

// The names of fixed entries.
const (
	contentFolder = "content/"

	manifestName = "manifest.json"
	sumsName     = "SHA256SUMS"
	verifyName   = "VERIFY.txt"
	excludedName = contentFolder + "EXCLUDED.txt"
	genesisName  = "trust/genesis.json"
	membersName  = "trust/members.md"
	proofName    = "proof.evident" // in the folder of its record
)

// The pages that a package may have: none, those for screens, or those for paper
// as well.
var (
	screenPages = []string{"certificate.en.html", "certificate.zh.html"}
	allPages    = []string{"certificate.en.html", "certificate.en.pdf", "certificate.zh.html", "certificate.zh.pdf"}
)
