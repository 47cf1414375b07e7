package service

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"evident/lightclient"
	"evident/lightclient/ledger"
)

// maxScanned bounds a text from a code: the largest QR code holds 2,953 bytes.
const maxScanned = 4096

// resolve says what a scanned or typed text names. A name may be one of several contracts' items: all that exist are told.
func (s *Service) resolve(ctx context.Context, p ResolveParams) (Resolved, error) {
	if len(p.Text) > maxScanned {
		return Resolved{}, badRequest("a code holds at most %d bytes", maxScanned)
	}
	named := read(p.Text)
	out := Resolved{Kind: "nothing", Items: []Item{}}
	switch {
	case named.draft != "":
		return Resolved{Kind: "draft", Draft: named.draft, Items: out.Items}, nil
	case named.record != "":
		return Resolved{Kind: "record", Name: named.record, Items: out.Items}, nil
	case len(named.items) == 0:
		return out, nil
	}
	c, err := s.Client(ctx)
	if err != nil {
		return Resolved{}, err
	}
	contracts := []string{named.contract}
	if named.contract == "" {
		if contracts, err = contractNames(ctx, c); err != nil {
			return Resolved{}, err
		}
	}
	out.Name = named.items[0]
	for _, name := range named.items {
		found, err := each(contracts, func(contract string) (Item, error) { return itemAt(ctx, c, contract, name) })
		if err != nil {
			return Resolved{}, err
		}
		found = slices.DeleteFunc(found, func(i Item) bool { return !i.Present })
		if len(found) > 0 {
			return Resolved{Kind: "item", Name: name, Items: found}, nil
		}
	}
	return out, nil
}

func contractNames(ctx context.Context, c *lightclient.Client) ([]string, error) {
	hints, err := c.Contracts(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, h := range hints {
		names = append(names, h.Name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// named is what a text names. Of several items the most particular stands first: a serial before its lot.
type named struct {
	record, draft, contract string
	items                   []string
}

// read understands links to these pages, GS1 Digital Links, the text of GS1 element strings, record ids, and names of items.
func read(text string) named {
	text = strings.TrimSpace(text)
	if isRecord(text) {
		return named{record: text}
	}
	if _, fragment, found := strings.Cut(text, "#/"); found {
		return readFragment(fragment)
	}
	if ais := elements(text); ais != nil {
		return named{items: gs1Names(ais)}
	}
	return named{items: gs1Names(digitalLink(text))}
}

// readFragment reads a link to a page: item/CONTRACT/NAME, record/ID or draft/….
func readFragment(fragment string) named {
	page, rest, _ := strings.Cut(fragment, "/")
	switch page {
	case "record":
		if isRecord(rest) {
			return named{record: rest}
		}
	case "draft":
		return named{draft: "#/draft/" + rest}
	case "item":
		contract, name, found := strings.Cut(rest, "/")
		if name, err := url.PathUnescape(name); found && err == nil && name != "" {
			return named{contract: contract, items: []string{name}}
		}
	}
	return named{}
}

// The application identifiers that name an article: its GTIN, its lot, its serial.
const (
	gtin   = "01"
	lot    = "10"
	serial = "21"
)

// gs1Names returns what the members may call it: a serial, or a lot, with the GTIN as it stands and as 14 digits.
func gs1Names(ais map[string]string) []string {
	if ais[gtin] == "" {
		return nil
	}
	gtins := []string{ais[gtin]}
	if n := 14 - len(ais[gtin]); n > 0 {
		gtins = append(gtins, strings.Repeat("0", n)+ais[gtin])
	}
	if short := strings.TrimLeft(ais[gtin], "0"); len(ais[gtin]) == 14 && len(short) <= 13 {
		gtins = append(gtins, strings.Repeat("0", 13-len(short))+short)
	}
	var names []string
	for _, key := range []string{serial, lot} {
		for _, g := range gtins {
			if ais[key] != "" {
				names = append(names, gtin+"/"+g+"/"+key+"/"+ais[key])
			}
		}
	}
	return names
}

func isRecord(text string) bool {
	_, err := ledger.ParseRecordID(text)
	return err == nil
}

func isGTIN(text string) bool {
	return len(text) >= 8 && len(text) <= 14 && strings.Trim(text, "0123456789") == ""
}

// digitalLink reads the path of a GS1 Digital Link from /01/ on, and the identifiers in its query.
func digitalLink(text string) map[string]string {
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	segments := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	start := slices.Index(segments, gtin)
	if start < 0 || start+1 >= len(segments) || !isGTIN(segments[start+1]) {
		return nil
	}
	ais := map[string]string{}
	for i := start; i+1 < len(segments); i += 2 {
		if value, err := url.PathUnescape(segments[i+1]); err == nil {
			ais[segments[i]] = value
		}
	}
	for key, values := range u.Query() {
		if ais[key] == "" {
			ais[key] = values[0]
		}
	}
	return ais
}

// fixed are identifiers of a fixed length that stand on packages before a lot or serial: GTIN, dates, variant.
var fixed = map[string]int{gtin: 14, "11": 6, "13": 6, "15": 6, "16": 6, "17": 6, "20": 2}

// elements reads a GS1 element string, with brackets as printed or as a scanner gives it, with a group separator behind
// what has no fixed length. Nil: it is none.
func elements(text string) map[string]string {
	ais := map[string]string{}
	if strings.HasPrefix(text, "("+gtin+")") {
		for _, part := range strings.Split(text, "(")[1:] {
			ai, value, _ := strings.Cut(part, ")")
			ais[ai] = strings.TrimSpace(value)
		}
		return ais
	}
	if strings.HasPrefix(text, "]") && len(text) > 3 {
		text = text[3:] // the symbology identifier
	}
	text = strings.TrimLeft(text, "\x1d")
	if !strings.HasPrefix(text, gtin) || len(text) < 16 || !isGTIN(text[2:16]) {
		return nil
	}
	for len(text) > 2 {
		ai, rest := text[:2], text[2:]
		value, after, _ := strings.Cut(rest, "\x1d")
		if n := fixed[ai]; n > 0 && n <= len(rest) {
			value, after = rest[:n], strings.TrimLeft(rest[n:], "\x1d")
		}
		ais[ai], text = value, after
	}
	return ais
}
