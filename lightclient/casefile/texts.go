package casefile

import (
	"embed"
	"fmt"
	"strings"
	"time"

	"evident/lightclient/ledger"
)

//go:embed texts
var texts embed.FS

// documents are the texts for people that are not pages: drafts for counsel,
// the members, and how to check by hand.
func (c *Case) documents(m *Manifest) map[string][]byte {
	values := strings.NewReplacer(
		"{ledger}", c.Origin,
		"{fingerprint}", c.Fingerprint.String(),
		"{words}", strings.Join(c.Fingerprint.Words(), " "),
		"{records}", c.recordLines(),
		"{members}", c.memberLines(),
		"{exported}", Moment(m.Exported.At),
	)
	out := map[string][]byte{membersName: append(fillText(values, "members.md"), c.memberTables()...)}
	out[verifyName] = fillText(values, verifyName)
	for _, name := range []string{"us-902.txt", "us-vt-1913.txt", "eu.txt", "cn.txt"} {
		out["declaration/"+name] = fillText(values, name)
	}
	if excluded := c.excluded(m.Redacted); excluded != nil {
		out[excludedName] = excluded
	}
	return out
}

func fillText(values *strings.Replacer, name string) []byte {
	text, err := texts.ReadFile("texts/" + name)
	if err != nil {
		panic("casefile: a text that was not embedded: " + err.Error())
	}
	return []byte(values.Replace(string(text)))
}

// Moment shows a time in Unix milliseconds.
func Moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05 UTC") }

// recordLines are the facts of every record, for the drafts.
func (c *Case) recordLines() string {
	var b strings.Builder
	for i := range c.Records {
		r := &c.Records[i]
		fmt.Fprintf(&b, "   record %s\n", r.ID)
		fmt.Fprintf(&b, "     in block %d of %s, existed by %s\n", r.Height, Moment(r.BlockTime), Moment(r.ExistedBy*1000))
		fmt.Fprintf(&b, "     signed by %s; cosigned by %d of %d members\n", strings.Join(Signers(r.Record.By), ", "), len(r.Cosigners), r.Members)
		for n, e := range r.Record.Evidence {
			digest := r.PlainSHA256(n)
			if digest == "" {
				digest = "not disclosed (sealed)"
			}
			fmt.Fprintf(&b, "     file %d  %s\n       SHA-256 %s\n       CID %s, %d bytes%s\n", n+1, named(e), digest, e.CID, e.Size, ofCiphertext(e))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Signers are the names in verifier keys.
func Signers(keys []string) []string {
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i], _, _ = strings.Cut(key, "+")
	}
	return out
}

func named(e ledger.Evidence) string {
	if e.Name == "" {
		return "(no name)"
	}
	return Plain(e.Name)
}

func ofCiphertext(e ledger.Evidence) string {
	if e.Mode == ledger.Sealed {
		return " of the ciphertext"
	}
	return ""
}

// Plain is a text of others as it can stand on a page: nothing in it is
// invisible or changes the direction of writing.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r == 0xfeff || r == 0x061c:
			return '\ufffd'
		}
		return r
	}, s)
}

// MemberTerm is a member set and the first height at which it is in force.
type MemberTerm struct {
	From    ledger.Height
	Members ledger.MemberSet
}

// Terms are the member sets of the longest history among the proofs.
func (c *Case) Terms() []MemberTerm {
	longest := c.Records[0].Proof
	for i := range c.Records {
		if p := c.Records[i].Proof; len(p.History) > len(longest.History) {
			longest = p
		}
	}
	out := []MemberTerm{{0, c.Genesis.Members}}
	for _, change := range longest.History {
		set, err := ledger.ParseMemberSet(change.Members)
		if err != nil {
			panic("casefile: a proof that was not verified: " + err.Error())
		}
		out = append(out, MemberTerm{change.Header.Height + 1, set})
	}
	return out
}

func (c *Case) memberLines() string {
	var b strings.Builder
	terms := c.Terms()
	for _, m := range terms[len(terms)-1].Members {
		fmt.Fprintf(&b, "   %s (%s), %s\n", Plain(m.Organisation), Plain(m.Registry), m.Name)
	}
	return b.String()
}

func (c *Case) memberTables() []byte {
	var out []byte
	for _, t := range c.Terms() {
		out = fmt.Appendf(out, "## From block %d on: %d members, quorum %d\n\n", t.From, len(t.Members), t.Members.Quorum())
		out = fmt.Appendf(out, "| name | organisation | register | roles | cosigning key |\n|---|---|---|---|---|\n")
		for _, m := range t.Members {
			out = fmt.Appendf(out, "| %s | %s | %s | %s | `%s` |\n", m.Name, cell(m.Organisation), cell(m.Registry), cell(strings.Join(m.Roles, ", ")), m.Keys[0])
		}
		out = append(out, '\n')
	}
	return out
}

// cell is a text of others in a table of Markdown.
func cell(s string) string { return strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(Plain(s)) }

// excluded lists the files that are not in the package; nil if all are.
func (c *Case) excluded(redacted []Redaction) []byte {
	var out []byte
	for _, x := range redacted {
		if x.What != redactedContent {
			continue
		}
		if out == nil {
			out = []byte("The bytes of these files are not in the package. Whoever holds one can compare it.\n" +
				"下列文件的内容不在本文件包中。持有文件者可自行比对。\n\n" +
				"A CID is not the SHA-256 of the file: it is that of the root of a UnixFS tree (profile unixfs-v1-2025: CIDv1,\n" +
				"raw leaves of 1 MiB, at most 1,024 links, balanced, SHA-256). Both are given.\n")
		}
		r := c.record(x.Record)
		e := r.Record.Evidence[x.Index]
		digest := r.PlainSHA256(int(x.Index))
		if digest == "" {
			digest = "not disclosed; commitment " + e.Commit
		}
		out = fmt.Appendf(out, "\nrecord  %s\nfile    %d  %s\nSHA-256 %s\nCID     %s\nsize    %d%s\n", x.Record, x.Index+1, named(e), digest, e.CID, e.Size, ofCiphertext(e))
	}
	return out
}
