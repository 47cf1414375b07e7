package act

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"evident/lightclient/ledger"
)

// Value reads a value as a person types it: a time as 2026-12-24, 2026-12-24T18:00:00Z, now or now+72h; an amount, a
// share or degrees as 8.01, and without a point in the smallest unit; lists and objects as JSON.
func (f Field) Value(text string, now time.Time) (any, error) {
	switch f.Type {
	case "integer":
		n, err := f.number(text, now)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %q: %w", ledger.ErrFormat, f.En, text, err)
		}
		return n, nil
	case "boolean":
		yes, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: want true or false", ledger.ErrFormat, f.En)
		}
		return yes, nil
	case "string":
		return text, nil
	}
	wrapped, err := ledger.CanonicalObject(fmt.Appendf(nil, `{"v":%s}`, text))
	if err != nil {
		return nil, fmt.Errorf("%s: want JSON: %w", f.En, err)
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(wrapped, &out); err != nil || len(out) != 1 {
		return nil, fmt.Errorf("%w: %s: want one JSON value", ledger.ErrFormat, f.En)
	}
	return out["v"], nil
}

func (f Field) number(text string, now time.Time) (int64, error) {
	switch f.Format {
	case "time":
		return moment(text, now)
	case "duration":
		if d, err := time.ParseDuration(text); err == nil {
			return d.Milliseconds(), nil
		}
	case "celsius", "share", "money":
		if whole, part, ok := strings.Cut(text, "."); ok && len(part) == 2 {
			text = whole + part
		}
	}
	return strconv.ParseInt(text, 10, 64)
}

func moment(text string, now time.Time) (int64, error) {
	if text == "now" {
		return now.UnixMilli(), nil
	}
	if rest, ok := strings.CutPrefix(text, "now"); ok {
		d, err := time.ParseDuration(rest)
		return now.Add(d).UnixMilli(), err
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMilli(), nil
		}
	}
	return strconv.ParseInt(text, 10, 64)
}
