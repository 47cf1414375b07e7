// Package act turns what somebody wants to do under a contract into a record on the ledger: it composes the record from
// the item's proven state, collects the signatures of everybody who has to agree, and submits it.
//
// A Draft is the way there. Its text is fixed when it is composed: what one party signed is what the next one sees and
// signs, to the byte. It is passed on as a file or in a link,
//
//	{"format":"evident/draft/v1",
//	 "note":"evident/record/v1\n{…}\n\n— ada …\n",  the record's text, an empty line, and a line for each signature so far
//	 "private":[{"name":"…","salt":"…","value":"…"}]}  what the commitments in it hide, so that nobody signs blindly
//
// and a draft with private fields is as confidential as they are. When the item has moved on meanwhile, the draft can no
// longer be accepted; it can be composed anew as long as nobody has signed.
//
// The package keeps nothing: who composes a record keeps its openings, or nobody can ever prove those fields.
package act
