package casefile

import (
	"fmt"

	"evident/lightclient/proof"
)

// Join makes one proof of several of the same record, if each shows some of the files that the record holds together: a
// package has one proof of a record.
func Join(files [][]byte) ([][]byte, error) {
	var out [][]byte
	places := map[string]int{}
	for _, file := range files {
		p, err := proof.Parse(file)
		if err != nil || len(p.Together) == 0 {
			out = append(out, file) // NewCase says what is wrong with it
			continue
		}
		at, seen := places[string(p.Record)]
		if !seen {
			places[string(p.Record)] = len(out)
			out = append(out, file)
			continue
		}
		first, err := proof.Parse(out[at])
		if err != nil {
			return nil, fmt.Errorf("join proofs: %w", err)
		}
		first.AddTogether(p.Together)
		if out[at], err = first.Encode(); err != nil {
			return nil, fmt.Errorf("join proofs: %w", err)
		}
	}
	return out, nil
}
