package app

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
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
		{name: "changed in its place", file: a + b + `{"job":"a","path":"/f/甲.jpg","paused":true}` + "\n", want: []string{"a", "b"}},
		{name: "all is paused, and goes on", file: `{"job":"","paused":true}` + "\n" + a + `{"job":""}` + "\n", want: []string{"a"}},
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
	want := order{Job: "b", Path: "/f/港口 照片.png", Paths: []string{"/f/港口 照片.png", "/f/b"}, Statement: "line one\nline two", At: 7}
	if err := j.write(order{Job: "a", Path: "/f/a"}, want); err != nil {
		t.Fatal(err)
	}
	if err := j.remove("a"); err != nil {
		t.Fatal(err)
	}
	j.close()
	if err := j.write(want); err == nil {
		t.Error("a line was acknowledged that cannot have been written")
	}
	_, left, err := openJournal(path)
	if err != nil || len(left) != 1 || !reflect.DeepEqual(left[0], want) {
		t.Errorf("got %+v, %v; want %+v", left, err, want)
	}
}

func jobsIn(files []order) []string {
	var jobs []string
	for _, w := range files {
		jobs = append(jobs, w.Job)
	}
	return jobs
}

// TestJournalForgetsThePast takes a hundred thousand orders through.
func TestJournalForgetsThePast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	j, _, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	var most int64
	for i := range 100 {
		var come, past []order
		for k := range 1000 {
			job := fmt.Sprint(i, "-", k)
			come, past = append(come, order{Job: job, Path: "/photographs/" + job}), append(past, order{Job: job})
		}
		if err := j.write(append(come, order{Job: "folder", Path: "/photographs", Folder: true, After: come[999].Path})...); err != nil {
			t.Fatal(err)
		}
		if err := j.write(past...); err != nil {
			t.Fatal(err)
		}
		most = max(most, j.size)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != j.size || most > leastRenewed+1<<20 {
		t.Errorf("%d bytes on disk, %d counted, %d at most: %v", info.Size(), j.size, most, err)
	}
	if left := j.orders(); len(left) != 1 || left[0].After != "/photographs/99-999" {
		t.Errorf("left: %+v", left)
	}
}
