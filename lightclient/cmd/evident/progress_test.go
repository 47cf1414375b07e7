package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"evident/lightclient/author"
)

// TestProgress shows the share of one file and of all of them.
func TestProgress(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"a", "b"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, 1000), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	var out bytes.Buffer
	s := newProgress(&program{printer: newPrinter(nil, &out)}, nil)
	s.terminal, s.total, s.counted = true, 2, author.Sending
	for _, path := range paths {
		s.sizes[path] = 1000
	}
	s.meter.Total = 2000
	for _, tt := range []struct {
		report author.Progress
		want   string
	}{
		{author.Progress{Path: paths[0], Stage: author.Digesting, Done: 500, Total: 1000}, "  0/2    a  reading 50%"},
		{author.Progress{Path: paths[0], Stage: author.Sending, Done: 500, Total: 1000, Rate: 2e6}, "  0/2  25%  a  sending the file 50%  2.0 MB/s  0s"},
		{author.Progress{Path: paths[0], Stage: author.Sending, Done: 200, Total: 1000}, "  0/2  25%  a  sending the file 20%"}, // begun again at another node
		{author.Progress{Path: paths[1], Stage: author.Submitting}, "  0/2  75%  b  sending "},
		{author.Progress{Path: paths[1], Stage: author.Storing}, "  0/2  75%  b  waiting for storage receipts "},
		{author.Progress{Path: "/c", Stage: author.Digesting, Done: 1, Total: 4, Files: 7, OfFiles: 9}, "  7/9  25%  c  reading"},
	} {
		out.Reset()
		s.last = time.Time{}
		s.report(tt.report)
		if got := strings.TrimPrefix(out.String(), "\r\x1b[K"); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}
