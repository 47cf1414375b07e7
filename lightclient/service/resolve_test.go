package service

import (
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	id := strings.Repeat("ab", 32)
	lot := []string{"01/09506000134352/10/ABC123", "01/9506000134352/10/ABC123"}
	tests := []struct {
		name, text string
		want       named
	}{
		{"a record", id, named{record: id}},
		{"a link to a record", "https://node.example/#/record/" + id, named{record: id}},
		{"a cut link to a record", "https://node.example/#/record/" + id[:60], named{}},
		{"a link to an item", "http://node.example/#/item/food/01%2F0950%2F10%2FA%201", named{contract: "food", items: []string{"01/0950/10/A 1"}}},
		{"a link to an item without its name", "http://node.example/#/item/food/", named{}},
		{"an item with a broken escape", "http://node.example/#/item/food/%ZZ", named{}},
		{"a draft", "https://node.example/#/draft/eJw", named{draft: "#/draft/eJw"}},
		{"another page", "https://node.example/#/members", named{}},
		{"a digital link", "https://id.gs1.org/01/09506000134352/10/ABC123", named{items: lot}},
		{"with a path before it and a query", "https://shop.example/de/01/09506000134352/10/ABC123?17=271231", named{items: lot}},
		{"with the lot in the query", "https://shop.example/01/09506000134352?10=ABC123", named{items: lot}},
		{"a bare path", "/01/09506000134352/10/ABC123", named{items: lot}},
		{"the name itself", "01/09506000134352/10/ABC123", named{items: lot}},
		{"an escaped lot", "https://x.example/01/09506000134352/10/A%2FB", named{items: []string{"01/09506000134352/10/A/B", "01/9506000134352/10/A/B"}}},
		{"a GTIN of 13 digits", "https://x.example/01/9506000134352/10/A", named{items: []string{"01/9506000134352/10/A", "01/09506000134352/10/A"}}},
		{"a serial before its lot", "https://x.example/01/09506000134352/10/L/21/S", named{items: []string{
			"01/09506000134352/21/S", "01/9506000134352/21/S", "01/09506000134352/10/L", "01/9506000134352/10/L"}}},
		{"no lot and no serial", "https://x.example/01/09506000134352", named{}},
		{"not a GTIN", "https://x.example/01/chapter/10/A", named{}},
		{"as printed", "(01)09506000134352(17)271231(10)ABC123", named{items: lot}},
		{"as printed, with spaces", "(01) 09506000134352 (10) ABC123", named{items: lot}},
		{"as scanned", "]d2010950600013435217271231" + "10ABC123\x1d" + "21S", named{items: append([]string{"01/09506000134352/21/S", "01/9506000134352/21/S"}, lot...)}},
		{"as scanned, with a separator first", "\x1d0109506000134352" + "10ABC123", named{items: lot}},
		{"cut behind the GTIN", "0109506000134352", named{}},
		{"too short", "01095060", named{}},
		{"a bracket left open", "(01", named{}},
		{"nothing", "  ", named{}},
		{"words", "hello there", named{}},
		{"no address", "https://[::1", named{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := read(tt.text)
			if got.record != tt.want.record || got.draft != tt.want.draft || got.contract != tt.want.contract || !slices.Equal(got.items, tt.want.items) {
				t.Errorf("%q: %+v, want %+v", tt.text, got, tt.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"(01)09506000134352(10)A", "]d2010950600013435210A\x1d21S", "https://x/01/09506000134352/10/A?21=%", "#/item/a/%2F"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := read(text); len(got.items) > 6 {
			t.Errorf("%q names %d items", text, len(got.items))
		}
	})
}
