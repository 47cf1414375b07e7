package fullnode_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/fullnode/testnet"
	"evident/lightclient"
	"evident/lightclient/act"
	"evident/lightclient/ledger"
	"evident/lightclient/source"
	"evident/lightclient/store"
)

// TestOneWins has many people do the same at once, on one item and on one digest: exactly one wins, and every other is told
// by a rule that somebody came first.
func TestOneWins(t *testing.T) {
	net := testnet.New(t, 4)
	net.MustStart()
	net.AwaitOrdered(20*time.Second, 0)
	photo := ledger.Evidence{CID: "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", Media: "image/jpeg", Mode: ledger.Digest, Name: "photo.jpg",
		SHA256: strings.Repeat("0f", 32), Size: 5}
	register := func(key string) act.Action {
		return act.Action{Contract: "copyright", Action: "register", By: []string{key}, Evidence: []ledger.Evidence{photo},
			Fields: map[string]any{"title": "Dawn", "work_type": "photographic", "claimant": key, "authors": []any{map[string]any{"name": "A", "share": 10000}}}}
	}
	work := race(t, net, "one digest", "adverse", register)
	race(t, net, "one item", "C3 C2", func(key string) act.Action {
		return act.Action{Contract: "copyright", Action: "challenge", Item: work, By: []string{key}, Evidence: []ledger.Evidence{photo}, Fields: map[string]any{"reason": "mine"}}
	})
	net.StopAndCheck()
}

// race has eight people act at once, and returns the item of the one who won. rules are those by which the others may be
// refused.
func race(t *testing.T, net *testnet.Net, name, rules string, action func(key string) act.Action) (item string) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	won, lost := 0, 0
	for i := range 8 {
		wg.Go(func() {
			r, err := actOnce(t, net, i, action)
			mu.Lock()
			defer mu.Unlock()
			var refused *lightclient.Refused
			switch {
			case err == nil:
				won, item = won+1, r.ItemName()
			case errors.As(err, &refused) && slices.Contains(strings.Fields(rules), refused.Refusal.Reason.Rule) && refused.Note != nil:
				lost++
			default:
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
	if won != 1 || lost != 7 {
		t.Errorf("%s: %d won and %d were refused, want one and seven", name, won, lost)
	}
	return item
}

// actOnce signs an action with a fresh key and submits it to one node.
func actOnce(t *testing.T, net *testnet.Net, i int, action func(key string) act.Action) (r lightclient.Record, err error) {
	skey, key, err := note.GenerateKey(rand.Reader, fmt.Sprintf("author%d", i))
	if err != nil {
		return r, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return r, err
	}
	s, err := source.New(net.Places[i%len(net.Places)].URL())
	if err != nil {
		return r, err
	}
	client, err := lightclient.Open(t.Context(), lightclient.Config{Sources: []lightclient.Source{s}, Store: new(store.Memory), Genesis: net.File})
	if err != nil {
		return r, err
	}
	d, err := act.New(t.Context(), client, action(key))
	if err != nil {
		return r, err
	}
	if err := d.Sign(signer); err != nil {
		return r, err
	}
	return act.Submit(t.Context(), client, d)
}
