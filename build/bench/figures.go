package main

const (
	here   = "./build/bench"
	client = "./lightclient"
)

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
	{"verifying a proof", client + "/proof", "BenchmarkVerify", []value{{"ns/op", 1e3, "us", 300, false}}, nil},
	{"proof, without genesis and members", client + "/proof", "BenchmarkVerify", []value{{"bytes/proof", 1e3, "kB", 3, false}}, nil},
	{"WASM core, brotli", here, "BenchmarkCore", []value{{"brotli-bytes", 1e6, "MB", 1.2, false}}, nil},
	{"WASM core in Chromium: load and first verification", here, "BenchmarkBrowser", []value{{"ms", 1, "ms", 300, false}}, needsChromium},
	{"disk, for each record and node", here, "BenchmarkRecords", []value{{"disk-B/record", 1e3, "kB", 1.2, false}}, nil},
	{"memory of an idle node", here, "BenchmarkIdle", []value{
		{"node-MB", 1, "MB", 60, false},
		{"own-MB", 1, "MB of them its own", 0, false},
	}, nil},
	{"digest and CID of 1 GiB, against SHA-256 alone", client + "/evidence", "BenchmarkFile", []value{
		{"of-sha256", 0.01, "%", 80, true},
		{"B/op", 1 << 20, "MiB allocated in all", 8, false},
	}, nil},
	{"stamping 1,000 files of 10 kB with bin/evident", here, "BenchmarkStamp", []value{{"s", 1, "s", 0, false}}, nil},
}

// coldSync is a client that has nothing but a fingerprint and asks two of four nodes.
func coldSync(title, blocks string, held bool) figure {
	f := figure{title, client, "BenchmarkColdSync/blocks=" + blocks + "/nodes=2", []value{
		{"bytes/op", 1, "B", 4096, false},
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
