// Command bench prints the product's figures as one table, the goal beside each. A figure is what a Go benchmark of the
// package concerned reports, so whoever owns the code owns its measurement, and this table only collects. A missed goal
// is shown and is no error: the machine may be busy. A figure that cannot be taken is one.
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

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var failed error
	measured := outputs{}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tgoal\tmeasured\t")
	for _, f := range figures {
		row, err := f.row(measured)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", f.title, err))
			row = f.line("not measured", "")
		}
		fmt.Fprintln(w, row)
	}
	return errors.Join(w.Flush(), failed)
}

// figure is a row of the table: metrics of one benchmark.
type figure struct {
	title     string
	pkg       string
	benchmark string // with its part, as in BenchmarkX/size=1
	values    []value
	needs     func() error // why this machine cannot take it, if it cannot
}

// value is one metric. What the benchmark reports is divided by scale, which turns its unit into ours.
type value struct {
	metric string
	scale  float64
	unit   string
	goal   float64 // zero: shown, with no goal of its own
	floor  bool    // the goal is the least, not the most
}

func (f figure) row(measured outputs) (string, error) {
	if f.needs != nil {
		if err := f.needs(); err != nil {
			return f.line("not measured: "+err.Error(), ""), nil
		}
	}
	out, err := measured.of(f)
	if err != nil {
		return "", err
	}
	var shown []string
	verdict := ""
	for _, v := range f.values {
		got, err := metric(out, f.benchmark, v.metric)
		if err != nil {
			return "", err
		}
		shown = append(shown, significant(got/v.scale)+" "+v.unit)
		switch {
		case v.goal == 0:
		case !v.meets(got / v.scale):
			verdict = "missed"
		case verdict == "":
			verdict = "met"
		}
	}
	return f.line(strings.Join(shown, ", "), verdict), nil
}

func (f figure) line(shown, verdict string) string {
	var goals []string
	for _, v := range f.values {
		if v.goal != 0 {
			goals = append(goals, v.sign()+" "+significant(v.goal)+" "+v.unit)
		}
	}
	return f.title + "\t" + strings.Join(goals, ", ") + "\t" + shown + "\t" + verdict
}

func (v value) sign() string {
	if v.floor {
		return ">="
	}
	return "<="
}

func (v value) meets(got float64) bool {
	if v.floor {
		return got >= v.goal
	}
	return got <= v.goal
}

// significant writes a number with three significant figures, and large ones in full.
func significant(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// outputs is what each benchmark printed: several rows may show one benchmark, which runs once.
type outputs map[string]output

type output struct {
	text []byte
	err  error
}

func (o outputs) of(f figure) ([]byte, error) {
	name, _, _ := strings.Cut(f.benchmark, "/")
	key := f.pkg + " " + name
	out, ok := o[key]
	if !ok {
		fmt.Fprintln(os.Stderr, "measuring", f.title)
		out.text, out.err = command("go", "test", "-run", "^$", "-bench", "^"+name+"$", "-benchmem", "-timeout", "20m", f.pkg)
		o[key] = out
	}
	return out.text, out.err
}

// metric finds "BenchmarkX-2  100  12.3 unit  4.5 other" in the output of go test.
func metric(out []byte, benchmark, unit string) (float64, error) {
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || withoutCores(fields[0]) != benchmark {
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

// withoutCores takes the number of cores off a benchmark's name; go test leaves it off where there is one.
func withoutCores(name string) string {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return name
	}
	if _, err := strconv.Atoi(name[i+1:]); err != nil {
		return name
	}
	return name[:i]
}

// chromium finds the browser, by the names that make test looks for too.
func chromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no Chromium here")
}

func needsChromium() error {
	_, err := chromium()
	return err
}

func needsIPFS() error {
	_, err := exec.LookPath("ipfs")
	return err
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
