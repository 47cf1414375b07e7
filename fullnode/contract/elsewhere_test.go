package contract

import (
	"testing"

	"cel.dev/cel-go/common/types"
)

// A refusal shows the block's time where the rule looked at it.
func TestRefusalShowsTheTime(t *testing.T) {
	s := newTestStage(t, "bill")
	story := readScenario(t, "testdata/bill.yaml")
	s.grant(story.Roles)
	for i, one := range story.Steps {
		if one.Refuse != "window" || one.Do != "present" {
			s.play(s.of(one), i+1, one)
			continue
		}
		s.clock += 1000
		_, refusal, err := s.engine.Block(s, s.clock, s.height).Apply(s.make(s.contract, one))
		if err != nil || refusal == nil {
			t.Fatalf("refusal %v, err %v", refusal, err)
		}
		if refusal.Values["time"] != number(s.clock) || refusal.Values["item.maturity"] == "" {
			t.Errorf("values %v, want the time %d and the maturity", refusal.Values, s.clock)
		}
		return
	}
	t.Fatal("no step is refused by window")
}

// Of another contract's item only the status is seen, and digests are no items.
func TestStatusElsewhere(t *testing.T) {
	s := newTestStage(t, "access")
	c := &call{block: s.engine.Block(s, s.clock, s.height), item: &Item{Status: none}}
	if got := text(c.status("certificate", "x")); got != none {
		t.Errorf("status %q of an item that does not exist", got)
	}
	s.state["certificate\x00y"] = []byte(`{"at":1,"authors":[],"fields":{},"first":"","height":1,"last":"","seq":0,"status":"taken","version":1}`)
	if got := text(c.status("certificate", "y")); got != "taken" {
		t.Errorf("status %q, want taken", got)
	}
	if got := c.status(DigestSpace, "y"); got.Type() != types.ErrType || c.err != nil {
		t.Errorf("a digest has the status %v, %v", got, c.err)
	}
}
