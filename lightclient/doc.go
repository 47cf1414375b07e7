// Package lightclient follows one ledger over several full nodes and trusts
// none of them. It holds the fingerprint of a genesis and the newest head it
// has verified, and it answers a question with a value it has proven under
// that head, or with an error.
//
// Read it in this order: verify.go says what is believed and why, as pure
// functions with numbered conditions; sync.go moves the head forward;
// query.go, submit.go and follow.go ask; contradiction.go keeps the evidence
// when two certified histories do not agree.
//
// The rules, by the numbers of the trust design:
//
//	L1  trust starts from a pinned genesis fingerprint. Inside one member set
//	    the client jumps to the newest certificate and checks consistency.
//	L2  the newest verified head is stored, and never goes back.
//	L3  a head needs the valid, distinct cosignatures of a quorum.
//	L4  a head is taken from f+1 members, so that an honest one is among them;
//	    after two missed heartbeats it is called stale.
//	L5  a client that has seen no fresh head for 30 days wants an anchor first.
//	L6  a contradiction is kept as evidence, names the members who signed both
//	    histories, and stops the client, also after a restart.
//	L7  what is returned has been proven; a proof comes with it.
//
// The outside world is two interfaces, Source and Store, and a clock.
//
// A node can fail us in two ways, which never mix. ErrLied: it was proven
// wrong; it is not asked again, and what it said is kept. ErrUnavailable: it
// gave no usable answer; the next one is asked. A third class is not about
// one node: a Contradiction or ErrStore means that our own footing is in
// doubt, and the client stops.
package lightclient
