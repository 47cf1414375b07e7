package fullnode_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/fullnode"
	"evident/fullnode/testnet"
	"evident/lightclient"
	"evident/lightclient/demo"
	"evident/lightclient/proof"
	"evident/lightclient/source"
	"evident/lightclient/store"
)

// transcript is what a story told, safe for the end of a parallel test to read.
type transcript struct {
	mu sync.Mutex
	bytes.Buffer
}

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Buffer.Write(p)
}

// TestStories plays every scenario on one consortium, in English and again in Chinese: each step comes as its story says,
// refusals by their rules included, or the player fails.
func TestStories(t *testing.T) {
	net := testnet.New(t, 4)
	net.MustStart()
	net.AwaitOrdered(20*time.Second, 0)
	var sources []lightclient.Source
	var members []note.Signer
	for _, p := range net.Places {
		s, err := source.New(p.URL())
		if err != nil {
			t.Fatal(err)
		}
		signer, _, err := fullnode.OpenIdentity(p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		sources, members = append(sources, s), append(members, signer)
	}
	t.Run("play", func(t *testing.T) {
		for _, name := range demo.Names() {
			for _, lang := range []string{"en", "zh"} {
				t.Run(name+"/"+lang, func(t *testing.T) {
					t.Parallel()
					playStory(t, net.File, sources, members, name, lang)
				})
			}
		}
	})
	net.StopAndCheck()
}

func playStory(t *testing.T, genesis []byte, sources []lightclient.Source, members []note.Signer, name, lang string) {
	client, err := lightclient.Open(t.Context(), lightclient.Config{Sources: sources, Store: new(store.Memory), Genesis: genesis})
	if err != nil {
		t.Fatal(err)
	}
	var told transcript
	saved := map[string][]byte{}
	player := &demo.Player{Client: client, Members: members, Lang: lang, Out: &told, Now: time.Now,
		Save: func(name string, file []byte) error { saved[name] = file; return nil }}
	if err := player.Play(t.Context(), name); err != nil {
		t.Fatalf("%v\n%s", err, told.String())
	}
	if !strings.Contains(told.String(), map[string]string{"en": "refused by rule", "zh": "被规则"}[lang]) {
		t.Errorf("the story has no refusal:\n%s", told.String())
	}
	if lang == "en" {
		checkPage(t, told.String())
	}
	if name != "certificate" {
		return
	}
	var holders []byte
	for name, file := range saved {
		if strings.HasPrefix(name, "marriage-") {
			holders = file
		}
	}
	fingerprint := client.Trusted().Fingerprint
	report := proof.Verify(holders, proof.Options{Trusted: &fingerprint})
	if report.Verdict != proof.Valid || len(report.Proven.Private) != 2 || report.Proven.State == nil {
		t.Errorf("the holder's proof: %s", report.Reason("en"))
	}
	for _, hidden := range []string{"Zhang", "张伟", "310104199011075512", "Huangpu"} {
		if strings.Contains(string(holders), hidden) {
			t.Errorf("the proof gives %q away", hidden)
		}
	}
}

// checkPage wants what the page of the scenarios shows of a story to be what the story told, but for ids and blocks.
func checkPage(t *testing.T, told string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "lightclient", "cmd", "evident", "SCENARIOS.md"))
	if err != nil {
		t.Fatal(err)
	}
	title := strings.Trim(strings.SplitN(told, "\n", 2)[0], "━ ")
	_, section, ok := strings.Cut(string(page), "## "+title+"\n")
	if !ok {
		t.Fatalf("the page does not show %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	shown := 0
	for line := range strings.Lines(section) {
		refusal := strings.Contains(line, "✗ refused by rule")
		if step := line[0] >= '0' && line[0] <= '9'; !step && !refusal {
			continue
		}
		if shown++; !strings.Contains(told, line) {
			t.Errorf("the page shows what the story does not tell: %s", line)
		}
	}
	if shown < 5 {
		t.Errorf("the page shows %d lines of %q", shown, title)
	}
}

// TestStoryNeedsMembers keeps a story away from a ledger whose members do not take part in it.
func TestStoryNeedsMembers(t *testing.T) {
	net := testnet.New(t, 1)
	net.MustStart()
	net.AwaitOrdered(20*time.Second, 0)
	s, err := source.New(net.Places[0].URL())
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := note.GenerateKey(strings.NewReader(strings.Repeat("seed", 8)), net.Places[0].Member.Name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(stranger)
	if err != nil {
		t.Fatal(err)
	}
	client, err := lightclient.Open(t.Context(), lightclient.Config{Sources: []lightclient.Source{s}, Store: new(store.Memory), Genesis: net.File})
	if err != nil {
		t.Fatal(err)
	}
	var told transcript
	player := &demo.Player{Client: client, Members: []note.Signer{signer}, Lang: "en", Out: &told, Now: time.Now}
	if err := player.Play(t.Context(), "food"); err == nil || !strings.Contains(err.Error(), demo.ErrNoMember.Error()) {
		t.Errorf("played with a key that is no member's: %v", err)
	}
	if err := player.Play(t.Context(), "lottery"); err == nil {
		t.Error("there is no such story")
	}
}
