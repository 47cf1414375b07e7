package proof_test

import (
	"strings"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

// receipts makes what the node of the first member signs.
func (m *maker) receipts() {
	id := ledger.RecordID(sha256Sum([]byte("record")))
	receipt := ledger.Receipt{Ledger: m.chain.Origin, Record: id, Received: 1763848800200, Promise: 1763848920200}.Text()
	refusal, err := ledger.Refusal{Ledger: m.chain.Origin, Record: id, At: 1763848800200, Reason: ledger.Reason{
		En: "The item has a newer record.", Rule: "seq", Values: map[string]string{"want": "3"}, Zh: "该事项已有更新的记录。",
	}}.Text()
	if err != nil {
		m.t.Fatal(err)
	}
	kept := ledger.Storage{Ledger: m.chain.Origin, Record: id, CID: ledger.NewCID(ledger.CodecDagPB, sha256Sum([]byte("root"))),
		Bytes: 5 << 20, Time: 1763848801000}
	storage, erasure := kept.Text(), kept.ErasureText()
	node := ledgertest.Node(m.chain.Genesis.Members[0].Name)
	stranger, _ := ledgertest.Author("ada")
	m.add("receipt/plain", "ok", "received, and a promise for two minutes later", m.signBy(receipt, node))
	m.add("refusal/plain", "ok", "refused under a rule", m.signBy(refusal, node))
	m.add("storage/plain", "ok", "a file of 5 MiB is kept", m.signBy(storage, node))
	m.add("erasure/plain", "ok", "and kept no more", m.signBy(erasure, node))
	for _, v := range []struct{ name, outcome, comment, text, old, new string }{
		{"receipt/version", "format", "version 2", receipt, "receipt/v1", "receipt/v2"},
		{"receipt/ledger", "other ledger", "another origin", receipt, "harbour", "haven"},
		{"receipt/record-upper", "format", "a record id in capitals", receipt, id.String(), strings.ToUpper(id.String())},
		{"receipt/leading-zero", "format", "a leading zero", receipt, "received ", "received 0"},
		{"receipt/negative", "format", "a negative time", receipt, "promise ", "promise -"},
		{"receipt/promise-huge", "limit", "a time beyond 2^53", receipt, "promise 1763848920200", "promise 9007199254740993"},
		{"receipt/promise-over", "format", "2^63", receipt, "promise 1763848920200", "promise 9223372036854775808"},
		{"receipt/ledger-form", "other ledger", "no origin", receipt, m.chain.Origin, "Harbour"},
		{"receipt/control", "format", "a tab in a note", receipt, m.chain.Origin, m.chain.Origin + "\t"},
		{"receipt/line-more", "format", "a line more", receipt, "promise ", "more 1\npromise "},
		{"refusal/version", "format", "version 2", refusal, "refusal/v1", "refusal/v2"},
		{"refusal/ledger", "other ledger", "another origin", refusal, "harbour", "haven"},
		{"refusal/unknown", "format", "an unknown member of the reason", refusal, `"zh":`, `"why":"","zh":`},
		{"refusal/number", "format", "a value that is no text", refusal, `"want":"3"`, `"want":3`},
		{"refusal/space", "format", "white space", refusal, `"rule":"seq"`, `"rule": "seq"`},
		{"refusal/values-null", "format", "null for an object", refusal, `{"want":"3"}`, `null`},
		{"refusal/free", "ok", "any texts, and no values", refusal, `"rule":"seq","values":{"want":"3"}`, "\"rule\":\"\u0085 \u202e\",\"values\":{}"},
		{"storage/bytes-huge", "limit", "a size beyond 2^53", storage, "bytes 5242880", "bytes 9007199254740993"},
		{"storage/version", "format", "version 2", storage, "storage/v1", "storage/v2"},
		{"storage/ledger", "other ledger", "another origin", storage, "harbour", "haven"},
		{"storage/cid", "format", "a CID in capitals", storage, kept.CID.String(), strings.ToUpper(kept.CID.String())},
		{"storage/bytes", "format", "a leading zero", storage, "bytes ", "bytes 0"},
		{"storage/negative", "format", "a negative time", storage, "time ", "time -"},
		{"storage/line-more", "format", "a line more", storage, "time ", "more 1\ntime "},
		{"storage/is-erasure", "format", "an erasure for a storage receipt", erasure, "evident", "evident"},
		{"erasure/is-storage", "format", "a storage receipt for an erasure", storage, "evident", "evident"},
		{"erasure/ledger", "other ledger", "another origin", erasure, "harbour", "haven"},
		{"refusal/is-receipt", "format", "a receipt for a refusal", receipt, "evident", "evident"},
	} {
		m.add(v.name, v.outcome, v.comment, m.signBy(m.replace(v.text, v.old, v.new), node))
	}
	m.add("storage/stranger", "signature", "signed by somebody else", m.signBy(storage, stranger))
	m.add("erasure/stranger", "signature", "signed by somebody else", m.signBy(erasure, stranger))
	plain := string(m.signBy(receipt, node))
	line := plain[len(receipt)+1:]
	for _, v := range []struct{ name, outcome, comment, msg string }{
		{"stranger", "signature", "signed by somebody else", string(m.signBy(receipt, stranger))},
		{"other-member", "signature", "signed by another member's node", string(m.signBy(receipt, ledgertest.Node(m.chain.Genesis.Members[1].Name)))},
		{"other-text", "signature", "the signature of another text", m.replace(plain, "promise 17", "promise 18")},
		{"malleable", "signature", "S + L", editLine(plain, func(b []byte) { addOrder(b[36:]) })},
		{"more-lines-short", "format", "a stranger's line of four bytes", plain + "— someone.example AAAABA==\n"},
		{"strangers-100", "signature", "100 lines of strangers", receipt + "\n" + strings.Repeat("— a AAAABBBB\n", 100)},
		{"strangers-101", "limit", "101 lines", receipt + "\n" + strings.Repeat("— a AAAABBBB\n", 101)},
		{"more-lines", "format", "a stranger signed too", string(m.signBy(receipt, node, stranger))},
		{"line-twice", "format", "the line stands twice", plain + line},
		{"spare-bits", "format", "spare bits in the base64", m.spare(plain)},
		{"no-lines", "format", "no signature", receipt},
		{"too-large", "limit", "over 8 KiB", plain + strings.Repeat("x", ledger.MaxReceiptSize)},
	} {
		m.add("receipt/"+v.name, v.outcome, v.comment, []byte(v.msg))
	}
}

func (m *maker) signBy(text string, signers ...note.Signer) []byte {
	m.t.Helper()
	msg, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		m.t.Fatal(err)
	}
	return msg
}
