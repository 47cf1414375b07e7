package service

// Method is a row of the table: a name, and values of the types that go in and out.
type Method struct {
	Name           string
	Params, Result any
}

// Methods is the table of the seam. Types for the pages are generated from it.
func Methods() []Method {
	return []Method{
		{"status", None{}, Status{}},
		{"blocks", BlocksParams{}, Blocks{}},
		{"block", BlockParams{}, Block{}},
		{"record", RecordParams{}, LedgerRecord{}},
		{"members", None{}, Members{}},
		{"lookup", LookupParams{}, Lookup{}},
		{"search", SearchParams{}, Search{}},
		{"verify", VerifyParams{}, Report{}},
		{"trust", TrustParams{}, Trust{}},
		{"contracts", None{}, Contracts{}},
		{"contract", ContractParams{}, Contract{}},
		{"items", ItemsParams{}, Items{}},
		{"item", ItemParams{}, Item{}},
		{"history", ItemParams{}, History{}},
		{"related", ItemParams{}, Related{}},
		{"parties", KeysParams{}, Parties{}},
		{"resolve", ResolveParams{}, Resolved{}},
		{"prepare", PrepareParams{}, Draft{}},
		{"openDraft", DraftParams{}, Draft{}},
		{"sign", SignParams{}, Draft{}},
		{"check", DraftParams{}, Checked{}},
		{"submit", DraftParams{}, Submitted{}},
		{"privateFields", RecordParams{}, PrivateFields{}},
		{"disclose", DiscloseParams{}, Disclosed{}},
		{"saveText", TextParams{}, Saved{}},
		{"pickFiles", None{}, Files{}},
		{"pickFolder", None{}, Files{}},
		{"inspect", PathParams{}, Inspected{}},
		{"digest", DigestParams{}, FileDigest{}},
		{"stamp", StampParams{}, StampStatus{}},
		{"stampStatus", None{}, StampStatus{}},
		{"pause", JobsParams{}, StampStatus{}},
		{"resume", JobsParams{}, StampStatus{}},
		{"cancel", JobParams{}, None{}},
		{"retry", JobParams{}, StampStatus{}},
		{"clearFinished", None{}, StampStatus{}},
		{"watches", None{}, Watches{}},
		{"watch", WatchParams{}, Watches{}},
		{"unwatch", PathParams{}, Watches{}},
		{"storage", EvidenceParams{}, Storage{}},
		{"openEvidence", EvidenceParams{}, Opened{}},
		{"closeEvidence", TokenParams{}, None{}},
		{"saveEvidence", EvidenceParams{}, FetchJob{}},
		{"recipient", None{}, Recipient{}},
		{"share", ShareParams{}, Shared{}},
		{"erase", EraseParams{}, Storage{}},
		{"receive", ReceiveParams{}, Received{}},
		{"backup", BackupParams{}, Backup{}},
		{"restore", RestoreParams{}, Restored{}},
		{"unlock", UnlockParams{}, None{}},
		{"makeKey", KeyParams{}, Keys{}},
		{"saveProof", RecordParams{}, Saved{}},
		{"verifyPackage", VerifyPackageParams{}, PackageReport{}},
		{"export", ExportParams{}, Exported{}},
		{"keys", None{}, Keys{}},
	}
}

// Events lists what subscribers may receive.
func Events() []any {
	return []any{BlockEvent{}, ProgressEvent{}, StampEvent{}, TotalsEvent{}, FetchEvent{}, EvidenceEvent{}, WatchEvent{}}
}
