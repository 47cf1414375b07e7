package app

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// TestRing signs with a key of the home, and finds what a record hides again after a restart.
func TestRing(t *testing.T) {
	dir := t.TempDir()
	a, _ := newTestApp(t, dir)
	if _, failed := invoke[service.Keys](t, a, "makeKey", service.KeyParams{Name: "ada"}); failed != nil {
		t.Fatal(failed)
	}
	verifiers, err := ring{a}.Verifiers(t.Context())
	if err != nil || len(verifiers) != 1 {
		t.Fatalf("verifiers %q, %v", verifiers, err)
	}
	signer, err := ring{a}.Signer(t.Context(), verifiers[0])
	if err != nil {
		t.Fatal(err)
	}
	msg, err := note.Sign(&note.Note{Text: "we agree\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(verifiers[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(msg, note.VerifierList(v)); err != nil {
		t.Errorf("the signature: %v", err)
	}
	if _, err := (ring{a}).Signer(t.Context(), "eve+00000000+AAAA"); err == nil {
		t.Error("another's key is here")
	}

	id := ledger.RecordID{1}
	want := ledger.Opening{Name: "born", Value: "1994-03-02"}
	if err := (ring{a}).KeepPrivate(id, []ledger.Opening{want}); err != nil {
		t.Fatal(err)
	}
	a.close()
	again, _ := newTestApp(t, dir)
	got, err := ring{again}.Private(id)
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("private %v, %v", got, err)
	}
	if got, err := (ring{again}).Private(ledger.RecordID{2}); err != nil || len(got) != 0 {
		t.Errorf("private fields of another record: %v, %v", got, err)
	}
}

func TestSaveText(t *testing.T) {
	a, d := newTestApp(t, t.TempDir())
	if saved, failed := invoke[service.Saved](t, a, "saveText", service.TextParams{Name: "a.draft", Text: "x"}); failed != nil || saved.Path != "" {
		t.Errorf("a closed dialog: %+v, %v", saved, failed)
	}
	d.target = t.TempDir()
	saved, failed := invoke[service.Saved](t, a, "saveText", service.TextParams{Name: "../a/b.draft", Text: "we agree"})
	if failed != nil || filepath.Dir(saved.Path) != d.target {
		t.Fatalf("saveText: %+v, %v", saved, failed)
	}
	if text, err := os.ReadFile(saved.Path); err != nil || string(text) != "we agree" {
		t.Errorf("saved %q, %v", text, err)
	}
}
