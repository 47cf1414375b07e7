package contract

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLibraryLoads(t *testing.T) {
	names, err := filepath.Glob("library/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(name) == commonFile {
			continue
		}
		c, err := Load(name, text)
		if err != nil {
			t.Error(err)
			continue
		}
		t.Logf("%s: %d bytes of definition, %d rules", c.Name(), len(c.Definition()), len(c.Rules()))
	}
}
