package act

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"evident/lightclient/ledger"
)

func TestFieldValue(t *testing.T) {
	now := time.UnixMilli(1795439042371)
	for _, tt := range []struct {
		field Field
		text  string
		want  any
	}{
		{Field{Type: "string"}, "港口, dawn", "港口, dawn"},
		{Field{Type: "boolean"}, "true", true},
		{Field{Type: "integer"}, "-7", int64(-7)},
		{Field{Type: "integer"}, "9223372036854775807", int64(9223372036854775807)},
		{Field{Type: "integer", Format: "time"}, "now", int64(1795439042371)},
		{Field{Type: "integer", Format: "time"}, "now+72h", int64(1795439042371 + 72*3600*1000)},
		{Field{Type: "integer", Format: "time"}, "now-30m", int64(1795439042371 - 30*60*1000)},
		{Field{Type: "integer", Format: "time"}, "2026-12-24", int64(1798070400000)},
		{Field{Type: "integer", Format: "time"}, "2026-12-24T18:00:00+08:00", int64(1798106400000)},
		{Field{Type: "integer", Format: "time"}, "1798070400000", int64(1798070400000)},
		{Field{Type: "integer", Format: "duration"}, "30m", int64(1800000)},
		{Field{Type: "integer", Format: "duration"}, "1800000", int64(1800000)},
		{Field{Type: "integer", Format: "celsius"}, "8.01", int64(801)},
		{Field{Type: "integer", Format: "celsius"}, "-18.50", int64(-1850)},
		{Field{Type: "integer", Format: "celsius"}, "801", int64(801)},
		{Field{Type: "integer", Format: "money"}, "1250000.00", int64(125000000)},
		{Field{Type: "integer", Format: "share"}, "50.50", int64(5050)},
	} {
		got, err := tt.field.Value(tt.text, now)
		if err != nil || got != tt.want {
			t.Errorf("%s %s %q: %v, %v, want %v", tt.field.Type, tt.field.Format, tt.text, got, err, tt.want)
		}
	}
	list, err := Field{Type: "array"}.Value(`[ {"share": 7000, "name": "Ada"} ]`, now)
	if raw, ok := list.(json.RawMessage); err != nil || !ok || string(raw) != `[{"name":"Ada","share":7000}]` {
		t.Errorf("a list: %s, %v", list, err)
	}
	for _, tt := range []struct {
		field Field
		text  string
	}{
		{Field{Type: "integer"}, "seven"},
		{Field{Type: "integer"}, "9223372036854775808"},
		{Field{Type: "integer"}, "1.5"},
		{Field{Type: "integer", Format: "money"}, "1.5"},
		{Field{Type: "integer", Format: "money"}, "1.505"},
		{Field{Type: "integer", Format: "time"}, "2026-02-30"},
		{Field{Type: "integer", Format: "time"}, "now+soon"},
		{Field{Type: "boolean"}, "perhaps"},
		{Field{Type: "array"}, `[0.5]`},
		{Field{Type: "array"}, `[1,`},
		{Field{Ref: "licence"}, `{"a":1,"a":2}`},
		{Field{Type: "array"}, `[1],"more":2`},
	} {
		if got, err := tt.field.Value(tt.text, now); !errors.Is(err, ledger.ErrFormat) {
			t.Errorf("%s %s %q: %v, %v, want it refused", tt.field.Type, tt.field.Format, tt.text, got, err)
		}
	}
}
