// Command bench prints the product's figures as one table, the goal beside each. A figure is a metric that a Go benchmark
// of the package concerned reports, so whoever owns the code owns its measurement, and this table only collects.
// A missed goal is shown, not an error: the machine may be busy. A figure that cannot be taken is an error.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"
)

// figure is a line of the table. Measured values are divided by scale, which turns the benchmark's unit into ours.
type figure struct {
	title   string
	measure func() (float64, error)
	scale   float64
	unit    string
	goal    float64
	atLeast bool // the goal is a floor, not a ceiling
}

var figures = []figure{
	{"digest and CID of 1 GiB, against plain SHA-256", reported("./lightclient/evidence", "BenchmarkFile", "of-sha256"), 0.01, "%", 80, true},
	{"WASM core, brotli", brotliSize("frontend/public/evident.wasm"), 1e6, "MB", 1.2, false},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var failed error
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmeasured\tgoal\t")
	for _, f := range figures {
		fmt.Fprintln(os.Stderr, "measuring", f.title)
		value, err := f.measure()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", f.title, err))
			continue
		}
		fmt.Fprintln(w, f.row(value/f.scale))
	}
	return errors.Join(w.Flush(), failed)
}

func (f figure) row(value float64) string {
	sign, met := "<=", value <= f.goal
	if f.atLeast {
		sign, met = ">=", value >= f.goal
	}
	verdict := "met"
	if !met {
		verdict = "missed"
	}
	return fmt.Sprintf("%s\t%s %s\t%s %s %s\t%s", f.title, significant(value), f.unit, sign, significant(f.goal), f.unit, verdict)
}

// significant writes a number with three significant figures, and large ones in full.
func significant(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// reported runs one benchmark and returns the metric of that unit.
func reported(pkg, benchmark, unit string) func() (float64, error) {
	return func() (float64, error) {
		out, err := command("go", "test", "-run", "^$", "-bench", "^"+benchmark+"$", "-timeout", "20m", pkg)
		if err != nil {
			return 0, err
		}
		return metric(out, benchmark, unit)
	}
}

// metric finds "BenchmarkX-2  100  12.3 unit  4.5 other" in the output of go test.
func metric(out []byte, benchmark, unit string) (float64, error) {
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || strings.SplitN(fields[0], "-", 2)[0] != benchmark {
			continue
		}
		for i := 3; i < len(fields); i += 2 {
			if fields[i] == unit {
				return strconv.ParseFloat(fields[i-1], 64)
			}
		}
	}
	return 0, fmt.Errorf("%s did not report %s", benchmark, unit)
}

// brotliSize compresses as a web server would; Node brings the compressor.
func brotliSize(file string) func() (float64, error) {
	const script = `const {brotliCompressSync} = require("zlib"), {readFileSync} = require("fs");
console.log(brotliCompressSync(readFileSync(process.argv[1])).length)`
	return func() (float64, error) {
		out, err := command("node", "-e", script, file)
		if err != nil {
			return 0, err
		}
		return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	}
}

func command(name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", name, err, out, stderr.Bytes())
	}
	return out, nil
}
