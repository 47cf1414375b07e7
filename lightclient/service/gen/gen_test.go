package main

import (
	"os"
	"testing"
)

func TestTypesAreCurrent(t *testing.T) {
	const file = "../../../frontend/src/lib/client/types.gen.ts"
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != typeScript() {
		t.Errorf("%s is not what the table says: run go generate ./lightclient/service", file)
	}
}
