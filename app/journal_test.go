package app

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestJournalIsReadAgain(t *testing.T) {
	const a, b = `{"job":"a","path":"/f/甲.jpg","at":1}` + "\n", `{"job":"b","path":"/f/b","statement":"mine","at":2}` + "\n"
	tests := []struct {
		name    string
		file    string
		want    []string
		invalid bool
	}{
		{name: "nothing", want: nil},
		{name: "two files", file: a + b, want: []string{"a", "b"}},
		{name: "one removed", file: a + b + `{"job":"a"}` + "\n", want: []string{"b"}},
		{name: "removed twice", file: a + `{"job":"a"}` + "\n" + `{"job":"a"}` + "\n", want: nil},
		{name: "removed without being there", file: `{"job":"c"}` + "\n" + b, want: []string{"b"}},
		{name: "last line cut off", file: a + b[:20], want: []string{"a"}},
		{name: "damaged", file: "{\n" + a, invalid: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "queue")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			j, left, err := openJournal(path)
			if (err != nil) != tt.invalid {
				t.Fatalf("open: %v", err)
			}
			if err != nil {
				return
			}
			j.close()
			if got := jobsIn(left); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			j, again, err := openJournal(path)
			if err != nil || !slices.Equal(jobsIn(again), tt.want) {
				t.Errorf("opened again: %q, %v", jobsIn(again), err)
			}
			j.close()
		})
	}
}

func TestJournalKeepsWhatItWasTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	j, _, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	want := waiting{Job: "b", Path: "/f/港口 照片.png", Statement: "line one\nline two", At: 7}
	if err := j.add(waiting{Job: "a", Path: "/f/a"}, want); err != nil {
		t.Fatal(err)
	}
	if err := j.remove("a"); err != nil {
		t.Fatal(err)
	}
	j.close()
	if err := j.add(want); err == nil {
		t.Error("a line was acknowledged that cannot have been written")
	}
	_, left, err := openJournal(path)
	if err != nil || len(left) != 1 || left[0] != want {
		t.Errorf("got %+v, %v; want %+v", left, err, want)
	}
}

func jobsIn(files []waiting) []string {
	var jobs []string
	for _, w := range files {
		jobs = append(jobs, w.Job)
	}
	return jobs
}
