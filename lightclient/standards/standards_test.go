package standards

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

// The short names of the Core Business Vocabulary 2.0.
var (
	bizSteps = strings.Fields("accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting decommissioning departing destroying " +
		"disassembling dispensing encoding entering_exiting holding inspecting installing killing loading other packing picking receiving removing repackaging repairing replacing " +
		"reserving retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting unloading unpacking void_shipping")
	dispositions = strings.Fields("active available completeness_inferred completeness_verified conformant container_closed container_open damaged destroyed dispensed disposed " +
		"encoded expired in_progress in_transit inactive mismatch_class mismatch_instance mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other " +
		"partially_dispensed recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown")
)

func TestVocabulary(t *testing.T) {
	for name, s := range steps {
		if !slices.Contains(bizSteps, s.business) {
			t.Errorf("%s: %q is no business step", name, s.business)
		}
		if !slices.Contains(dispositions, s.disposition) {
			t.Errorf("%s: %q is no disposition", name, s.disposition)
		}
		if !slices.Contains([]string{"ADD", "OBSERVE", "DELETE"}, s.action) && name != "food.transform" {
			t.Errorf("%s: %q is no action", name, s.action)
		}
	}
}

// itemOf is an item with a record for each action, as the client returns it: the newest first.
func itemOf(t *testing.T, contract, name string, actions ...[2]string) lightclient.Item {
	t.Helper()
	signer, key := ledgertest.Author("Green-Pasture-Dairy")
	var item lightclient.Item
	for i, a := range actions {
		s := ledgertest.New(4).Statement()
		s.Contract, s.Action, s.Item, s.By, s.Fields, s.Evidence = contract, a[0], name, []string{key}, json.RawMessage(a[1]), nil
		s.Evidence = []ledger.Evidence{}
		if i > 0 {
			s.Seq, s.Prev = int64(i+1), item.Records[0].ID.String()
		}
		r, err := s.Sign([]note.Signer{signer}...)
		if err != nil {
			t.Fatal(err)
		}
		h := ledger.Header{Height: ledger.Height(i + 10), Time: 1795439042371}
		item.Records = append([]lightclient.Record{{Record: r, Header: h}}, item.Records...)
	}
	return item
}

type document struct {
	Type          string
	SchemaVersion string
	CreationDate  string
	Context       []any `json:"@context"`
	EpcisBody     struct {
		EventList []map[string]any
	}
}

func epcis(t *testing.T, name string, item lightclient.Item) document {
	t.Helper()
	data, err := EPCIS(name, item, time.UnixMilli(1795439100000))
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	if d.Type != "EPCISDocument" || d.SchemaVersion != "2.0" || d.CreationDate != "2026-11-23T13:05:00.000Z" ||
		d.Context[0] != "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld" {
		t.Errorf("document %+v", d)
	}
	for _, e := range d.EpcisBody.EventList {
		for _, member := range []string{"type", "eventID", "eventTime", "eventTimeZoneOffset"} {
			if e[member] == nil {
				t.Errorf("%v has no %s", e["bizStep"], member)
			}
		}
		if _, err := time.Parse(time.RFC3339, e["eventTime"].(string)); err != nil {
			t.Error(err)
		}
	}
	return d
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestEPCISOfALot(t *testing.T) {
	const lot = "01/06901288100014/10/M1"
	item := itemOf(t, "food", lot,
		[2]string{"commission", `{"expires":1827032400000,"gtin":"06901288100014","location":"6901288000017","lot":"M1","occurred_at":1795439042000,"product":"Milk powder","quantity":500000,"unit":"g"}`},
		[2]string{"report", `{"conformant":false,"occurred_at":1795439043000}`},
		[2]string{"annotate", `{"text":"no event"}`},
		[2]string{"ship", `{"consignee":"x","occurred_at":1795439044000,"sscc":"069012880000000017"}`})
	events := epcis(t, lot, item).EpcisBody.EventList
	if len(events) != 3 {
		t.Fatalf("%d events, want 3", len(events))
	}
	for i, want := range []map[string]string{
		{"type": `"ObjectEvent"`, "action": `"ADD"`, "bizStep": `"commissioning"`, "quantityList": `[{"epcClass":"https://id.gs1.org/01/06901288100014/10/M1","quantity":500000,"uom":"GRM"}]`,
			"bizLocation": `{"id":"https://id.gs1.org/414/6901288000017"}`, "ilmd": `{"cbvmda:itemExpirationDate":"2027-11-24","cbvmda:lotNumber":"M1","evident:product":"Milk powder"}`,
			"evident:signedBy": `["Green-Pasture-Dairy"]`, "eventTime": `"2026-11-23T13:04:02.000Z"`},
		{"disposition": `"non_conformant"`, "bizStep": `"inspecting"`, "action": `"OBSERVE"`, "ilmd": `null`},
		{"bizStep": `"shipping"`, "epcList": `["https://id.gs1.org/00/069012880000000017"]`, "disposition": `"in_transit"`},
	} {
		for member, value := range want {
			if got := text(t, events[i][member]); got != value {
				t.Errorf("event %d: %s is %s, want %s", i, member, got, value)
			}
		}
	}
	if got := events[0]["eventID"]; got != "urn:evident:record:"+item.Records[3].ID.String() {
		t.Errorf("event id %s", got)
	}
}

func TestEPCISOfATransformation(t *testing.T) {
	const lot = "01/06903777000157/10/C1"
	item := itemOf(t, "food", lot, [2]string{"transform", `{"gtin":"06903777000157","inputs":[{"lot":"01/06901288100014/10/M1","quantity":100000}],"lot":"C1","occurred_at":1795439042000,"quantity":95000,"unit":"g"}`})
	e := epcis(t, lot, item).EpcisBody.EventList[0]
	if e["type"] != "TransformationEvent" || e["action"] != nil ||
		text(t, e["inputQuantityList"]) != `[{"epcClass":"https://id.gs1.org/01/06901288100014/10/M1","quantity":100000,"uom":"GRM"}]` ||
		text(t, e["outputQuantityList"]) != `[{"epcClass":"https://id.gs1.org/01/06903777000157/10/C1","quantity":95000,"uom":"GRM"}]` {
		t.Errorf("event %s", text(t, e))
	}
}

func TestEPCISOfSerialsAndSensors(t *testing.T) {
	watch := epcis(t, "01/06914555000276/21/W1", itemOf(t, "goods", "01/06914555000276/21/W1", [2]string{"commission", `{"gtin":"06914555000276","product":"Watch","serial":"W1"}`}))
	if got := text(t, watch.EpcisBody.EventList[0]["epcList"]); got != `["https://id.gs1.org/01/06914555000276/21/W1"]` {
		t.Errorf("epcList %s", got)
	}
	const batch = "01/06908876000114/10/V1"
	medicine := epcis(t, batch, itemOf(t, "medicine", batch,
		[2]string{"log", `{"occurred_at":1795439042000,"readings":[{"at":1795439041000,"celsius":801},{"at":1795439042000,"celsius":-5}],"until":1795439042000}`},
		[2]string{"administer", `{"doses":1,"occurred_at":1795439042000,"serials":["S1"],"vvm":1}`}))
	want := `[{"sensorReport":[{"time":"2026-11-23T13:04:01.000Z","type":"Temperature","uom":"CEL","value":8.01},{"time":"2026-11-23T13:04:02.000Z","type":"Temperature","uom":"CEL","value":-0.05}]}]`
	if got := text(t, medicine.EpcisBody.EventList[0]["sensorElementList"]); got != want {
		t.Errorf("sensors %s, want %s", got, want)
	}
	if got := text(t, medicine.EpcisBody.EventList[1]["epcList"]); got != `["https://id.gs1.org/01/06908876000114/21/S1"]` {
		t.Errorf("serials %s", got)
	}
}

func TestEPCISRefuses(t *testing.T) {
	if _, err := EPCIS("x", itemOf(t, "bill", "x", [2]string{"issue", `{}`}), time.Now()); !errors.Is(err, ErrNoEvents) {
		t.Errorf("a bill: %v", err)
	}
	if _, err := EPCIS("x", itemOf(t, "food", "x", [2]string{"ship", `{"quantity":"many"}`}), time.Now()); !errors.Is(err, ledger.ErrFormat) {
		t.Errorf("fields of another shape: %v", err)
	}
}

// The list of the standard's own example has no bit set.
func TestStatusOfTheStandardsExample(t *testing.T) {
	const example = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
	for _, index := range []int{0, 1, 94_567, minimumEntries - 1} {
		if set, err := Status(example, index); set || err != nil {
			t.Errorf("entry %d: %v, %v", index, set, err)
		}
	}
	for _, list := range []string{"", example[1:], "u!!", "uAAAA", example[:20]} {
		if _, err := Status(list, 0); !errors.Is(err, ledger.ErrFormat) {
			t.Errorf("list %q: %v", list, err)
		}
	}
	short, err := encodeBits(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		list  string
		index int
	}{{example, -1}, {example, minimumEntries}, {short, 0}} {
		if _, err := Status(v.list, v.index); !errors.Is(err, ledger.ErrLimit) {
			t.Errorf("entry %d: %v", v.index, err)
		}
	}
}

func TestStatusList(t *testing.T) {
	statuses := []string{"active", "revoked", "suspended", "superseded", "redeemed", "expired", "draft"}
	chain := ledgertest.NewChain(4)
	certified := chain.Certify(chain.Set, chain.Tree(), 1795439042)
	var certificates []Certificate
	for i, status := range slices.Backward(statuses) {
		certificates = append(certificates, Certificate{Name: fmt.Sprintf("c%d", i), State: lightclient.State{
			Head:  lightclient.Head{Header: ledger.Header{Height: ledger.Height(i)}, Certificate: certified},
			Value: json.RawMessage(`{"status":"` + status + `"}`)}})
	}
	for purpose, want := range map[Purpose][]bool{Revocation: {false, true, false, true, true, true, false}, Suspension: {false, false, true, false, false, false, false}} {
		l, err := NewStatusList(purpose, "harbour.example/7ff9aa46aa525b37", certificates)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Type              []string
			ID                string
			Description       string
			CredentialSubject struct{ Type, StatusPurpose, EncodedList, ID string }
		}
		var entries map[string]struct{ Type, StatusListIndex, StatusListCredential, StatusPurpose string }
		if json.Unmarshal(l.Credential, &c) != nil || json.Unmarshal(l.Entries, &entries) != nil {
			t.Fatal("not JSON")
		}
		if c.Type[1] != "BitstringStatusListCredential" || c.CredentialSubject.Type != "BitstringStatusList" || c.CredentialSubject.StatusPurpose != string(purpose) ||
			c.CredentialSubject.ID != c.ID+"#list" || !strings.Contains(c.Description, "up to block 6") {
			t.Errorf("credential %s", l.Credential)
		}
		for i, want := range want {
			e := entries[fmt.Sprintf("c%d", i)]
			if e.StatusListIndex != fmt.Sprint(i) || e.Type != "BitstringStatusListEntry" || e.StatusListCredential != c.ID || e.StatusPurpose != string(purpose) {
				t.Errorf("entry %+v", e)
			}
			if set, err := Status(c.CredentialSubject.EncodedList, i); set != want || err != nil {
				t.Errorf("%s of %s: %v, %v", purpose, statuses[i], set, err)
			}
		}
	}
	for _, wrong := range []func() error{
		func() error { _, err := NewStatusList("message", "x", certificates); return err },
		func() error { _, err := NewStatusList(Revocation, "x", nil); return err },
		func() error {
			_, err := NewStatusList(Revocation, "x", []Certificate{{State: lightclient.State{Value: json.RawMessage(`[]`), Head: certificates[0].State.Head}}})
			return err
		},
	} {
		if err := wrong(); !errors.Is(err, ledger.ErrFormat) {
			t.Errorf("got %v", err)
		}
	}
}
