package main

const (
	here   = "./build/bench"
	client = "./lightclient"
	blobs  = "./fullnode/blobs"
	rules  = "./fullnode/contract"
	chain  = "./fullnode/chain"
)

// byCPU is the rate if nothing else ran on this machine, both ends included.
var byCPU = value{"by-cpu-MB/s", 1, "MB/s by CPU time alone", 0, false}

var figures = []figure{
	{"final records, four members' processes on this machine", here, "BenchmarkRecords", []value{
		{"records/s", 1, "a second", 5600, true},
		{"cpu-us/record", 1, "us of CPU each", 0, false},
		{"by-cpu/s", 1, "a second if all CPU were theirs", 0, false},
	}, nil},
	{"what verifying alone allows on these cores", here, "BenchmarkRecords", []value{
		{"limit/s", 1, "a second", 0, false},
		{"verify-us/record", 1, "us of CPU each", 0, false},
		{"of-limit-%", 1, "% of it is reached", 0, false},
	}, nil},
	{"from submit to final, light load", here, "BenchmarkFinal", []value{
		{"p50-ms", 1, "ms p50", 13, false},
		{"p99-ms", 1, "ms p99", 30, false},
	}, nil},
	coldSync("cold sync, 100 blocks", "100", false),
	coldSync("cold sync, 1,000 blocks", "1000", false),
	coldSync("cold sync, 10,000 blocks", "10000", true),
	coldSync("cold sync, 100,000 blocks", "100000", false),
	{"verifying a proof, both signatures of three members", client + "/proof", "BenchmarkVerify", []value{{"ns/op", 1e6, "ms", 1.5, false}}, nil},
	// 9.9 kB of it are three members' ML-DSA-44 signatures.
	{"proof, without genesis and members", client + "/proof", "BenchmarkVerify", []value{{"bytes/proof", 1e3, "kB", 13, false}}, nil},
	{"package of one record, without its file", client + "/casefile", "BenchmarkPackage", []value{
		{"bytes/package", 1e3, "kB", 0, false},
		{"bytes/without-pdf", 1e3, "kB without its two PDFs", 130, false},
		{"bytes/proof", 1e3, "kB are the proof and its parts as texts", 0, false},
		{"bytes/html", 1e3, "kB two pages of HTML", 0, false},
		{"bytes/texts", 1e3, "kB manifest, sums, drafts, how to check", 0, false},
	}, nil},
	{"exporting 1,000 records, with HTML and PDF", client + "/casefile", "BenchmarkWriteCase", []value{{"ns/op", 1e9, "s", 10, false}}, nil},
	{"verifying them", client + "/casefile", "BenchmarkVerifyCase", []value{{"ns/op", 1e9, "s", 2, false}}, nil},
	{"verifying a package with a file of 256 MiB, against SHA-256 alone", client + "/casefile", "BenchmarkContent", []value{{"of-sha256", 0.01, "%", 0, true}}, nil},
	{"exporting and verifying a package with a file of 2 GiB", client + "/casefile", "BenchmarkLargeCase", []value{{"peak-MB", 1, "MB of heap", 150, false}}, nil},
	{"verify.html in Chromium, from the disk: opened, first verdict", here, "BenchmarkVerifier", []value{{"ms", 1, "ms", 1000, false}}, needsChromium},
	{"a certificate, both signatures of three members", client + "/ledger", "BenchmarkOpenCertificate", []value{
		{"bytes/certificate", 1e3, "kB", 11, false},
		{"ns/op", 1e6, "ms", 0, false},
	}, nil},
	{"an action under a contract, beside its signatures: seven rules, two files", rules, "BenchmarkAction/register", []value{{"cpu-us/op", 1, "us of CPU", 25, false}}, nil},
	{"a deposit", rules, "BenchmarkNotes", []value{{"ns/op", 1e3, "us", 0, false}}, nil},
	{"a block of 5,000 actions on 5,000 of a million items", chain, "BenchmarkMillion", []value{
		{"execute-ms/block", 1, "ms to execute", 250, false},
		{"execute-cpu-ms/block", 1, "ms of CPU for it", 0, false},
		{"cpu-ms/block", 1, "ms of CPU until it is final on disk", 0, false},
		{"memory-B/item", 1, "B of memory for an item", 0, false},
	}, nil},
	{"state proof in a million items", chain, "BenchmarkMillion", []value{
		{"bytes/state-proof", 1e3, "kB", 1.5, false},
		{"build-us/state-proof", 1e3, "ms of CPU to build", 1, false},
		{"verify-us/state-proof", 1e3, "ms of CPU to verify", 0.1, false},
	}, nil},
	{"WASM core, brotli", here, "BenchmarkCore", []value{{"brotli-bytes", 1e6, "MB", 1.2, false}}, nil},
	{"WASM core in Chromium: load and first verification", here, "BenchmarkBrowser", []value{{"ms", 1, "ms", 300, false}}, needsChromium},
	{"files taken in by a page in Chromium, against WebCrypto's SHA-256 there", here, "BenchmarkInPage", []value{
		{"small-of-webcrypto", 0.01, "% digest of 32 MiB", 60, true},
		{"large-of-webcrypto", 0.01, "% digest of 192 MiB", 60, true},
		{"large-MB/s", 1, "MB/s of it", 0, false},
		{"sealed-MB/s", 1, "MB/s sealed and sent to a node", 0, false},
		{"webcrypto-MB/s", 1, "MB/s WebCrypto", 0, false},
	}, needsChromium},
	{"disk, for each record and node", here, "BenchmarkRecords", []value{{"disk-B/record", 1e3, "kB", 1.2, false}}, nil},
	{"memory of an idle node", here, "BenchmarkIdle", []value{
		{"node-MB", 1, "MB", 60, false},
		{"own-MB", 1, "MB of them its own", 0, false},
	}, nil},
	{"digest and CID of 1 GiB, against SHA-256 alone", client + "/evidence", "BenchmarkFile", []value{
		{"of-sha256", 0.01, "%", 80, true},
		{"B/op", 1 << 20, "MiB allocated in all", 8, false},
	}, nil},
	{"sealing 1 GiB: digests, ciphertext, tree, stored on disk", blobs, "BenchmarkIngest", []value{
		{"ingest-MB/s", 1, "MB/s", 0, false},
		{"ingest-by-cpu-MB/s", 1, "by its CPU time alone", 0, false},
		{"sha256-MB/s", 1, "MB/s is SHA-256 of the file", 0, false},
		{"sha256-by-cpu-MB/s", 1, "by its CPU time on all cores", 0, false},
		{"peak-MiB", 1.048576, "MB of heap", 150, false},
	}, nil},
	{"the same file through ipfs add", blobs, "BenchmarkIngest", []value{{"ipfs-MB/s", 1, "MB/s", 0, false}}, needsIPFS},
	{"upload as a CAR, to one node", blobs, "BenchmarkUpload", []value{{"MB/s", 1, "MB/s", 0, false}, byCPU}, nil},
	{"download as a CAR, every block checked", blobs, "BenchmarkDownload", []value{{"MB/s", 1, "MB/s", 250, true}, byCPU}, nil},
	{"bitswap between two nodes, both in one process", blobs, "BenchmarkBitswap", []value{
		{"MB/s", 1, "MB/s", 200, true},
		byCPU,
		{"peak-MiB", 1.048576, "MB of heap for both", 150, false},
	}, nil},
	{"an upload that broke: whole blocks sent again", blobs, "BenchmarkResume", []value{{"blocks", 1, "blocks", 1, false}}, nil},
	{"four nodes take 512 MiB and replicate it: memory of the largest", here, "BenchmarkStorage", []value{
		{"node-MB", 1, "MB", 150, false},
		{"stored-s", 1, "s until three receipts", 0, false},
	}, nil},
	{"a sealed file from the desktop to a node, 256 MiB", here, "BenchmarkSend", []value{
		{"car-MB/s", 1, "MB/s as a CAR", 0, false},
		{"offer-MB/s", 1, "MB/s by its own bitswap", 0, false},
	}, nil},
	{"stamping 1,000 files of 10 kB with bin/evident", here, "BenchmarkStamp", []value{{"s", 1, "s", 0, false}}, nil},
}

// coldSync is a client that has nothing but a fingerprint and asks two of four
// nodes: 9 kB of genesis, with four members' ML-DSA-44 keys, and two heads of 11
// kB, with three members' signatures each.
func coldSync(title, blocks string, held bool) figure {
	f := figure{title, client, "BenchmarkColdSync/blocks=" + blocks + "/nodes=2", []value{
		{"bytes/op", 1, "B", 32 << 10, false},
		{"requests/op", 1, "requests", 3, false},
		{"ns/op", 1e6, "ms", 3, false},
	}, nil}
	if !held {
		for i := range f.values {
			f.values[i].goal = 0
		}
	}
	return f
}
