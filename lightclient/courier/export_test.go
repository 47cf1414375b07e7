package courier

import (
	"bytes"
	"context"
	"testing"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/service"
)

func TestExport(t *testing.T) {
	w := newTestWorld(t)
	c, stop := w.start(t)
	defer stop()
	must[service.Keys](t, c, "makeKey", service.KeyParams{Name: "ada"})
	c.Hold("photo.jpg", &given{name: "photo.jpg", content: pattern(3000)})
	must[service.StampStatus](t, c, "stamp", service.StampParams{Paths: []string{"photo.jpg"}, Mode: string(ledger.Sealed)})
	c.until(t, c.hasState(final))
	job := c.first()
	for _, test := range []struct {
		content bool
		code    string
	}{{false, "content.excluded"}, {true, "content.ok"}} {
		sink := new(buffer)
		made, err := c.Export(context.Background(), service.ExportParams{Job: "export", Records: []string{job.Record}, Content: test.content}, sink)
		if err != nil || !sink.committed.Load() || made.Records != 1 || made.Size != decimal(int64(sink.Len())) {
			t.Fatalf("content %v: %+v, %v", test.content, made, err)
		}
		client, err := c.service.Client(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		trusted := client.Trusted().Fingerprint
		r, err := casefile.Verify(bytes.NewReader(sink.Bytes()), int64(sink.Len()), casefile.Options{Trusted: &trusted, Pages: certificate.HTML})
		if err != nil || r.Verdict != proof.Valid || r.Stage(casefile.StageContent).Code != test.code || r.Stage(casefile.StagePages).Code != "pages.ok" {
			t.Errorf("content %v: %s, %s, %v", test.content, r.Verdict, r.Reason("en"), err)
		}
	}
}

func TestExportOfNothing(t *testing.T) {
	w := newTestWorld(t)
	c, stop := w.start(t)
	defer stop()
	for _, records := range [][]string{nil, {"not an id"}, {"00"}} {
		sink := new(buffer)
		if _, err := c.Export(context.Background(), service.ExportParams{Job: "export", Records: records}, sink); err == nil || sink.committed.Load() || !sink.aborted.Load() {
			t.Errorf("%q: %v, committed %v", records, err, sink.committed.Load())
		}
	}
}
