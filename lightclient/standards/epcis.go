// Package standards writes what the ledger proves in the formats of others: histories of lots and serials as EPCIS 2.0
// events, and the status of certificates as a W3C Bitstring Status List.
//
// Their formats have no place for the ledger's proofs. What is written says so, and names the records, so that each can
// be proven by itself.
package standards

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"evident/lightclient"
	"evident/lightclient/ledger"
)

// object is a JSON object; encoding/json sorts its members.
type object = map[string]any

// step is how an action is called in EPCIS and in its Core Business Vocabulary.
type step struct{ action, business, disposition string }

// steps are those of the contracts about things with GS1 keys. An action that is not here is no event in the world, such
// as a decision or a note.
var steps = map[string]step{
	"food.commission": {"ADD", "commissioning", "active"},
	"food.transform":  {"", "commissioning", "active"},
	"food.ship":       {"OBSERVE", "shipping", "in_transit"},
	"food.receive":    {"OBSERVE", "receiving", "in_progress"},
	"food.sample":     {"OBSERVE", "sampling", "in_progress"},
	"food.report":     {"OBSERVE", "inspecting", "conformant"},
	"food.sell":       {"OBSERVE", "retail_selling", "retail_sold"},
	"food.recall":     {"OBSERVE", "holding", "recalled"},
	"food.destroy":    {"DELETE", "destroying", "destroyed"},

	"goods.commission":    {"ADD", "commissioning", "active"},
	"goods.tag":           {"OBSERVE", "encoding", "encoded"},
	"goods.distribute":    {"OBSERVE", "receiving", "in_progress"},
	"goods.sell":          {"OBSERVE", "retail_selling", "retail_sold"},
	"goods.scan":          {"OBSERVE", "inspecting", "in_progress"},
	"goods.report_stolen": {"OBSERVE", "holding", "stolen"},
	"goods.decommission":  {"DELETE", "decommissioning", "inactive"},

	"medicine.manufacture": {"ADD", "commissioning", "active"},
	"medicine.quarantine":  {"OBSERVE", "holding", "non_sellable_other"},
	"medicine.release":     {"OBSERVE", "inspecting", "sellable_accessible"},
	"medicine.log":         {"OBSERVE", "sensor_reporting", "in_progress"},
	"medicine.ship":        {"OBSERVE", "shipping", "in_transit"},
	"medicine.receive":     {"OBSERVE", "receiving", "in_progress"},
	"medicine.dispense":    {"OBSERVE", "dispensing", "partially_dispensed"},
	"medicine.administer":  {"OBSERVE", "dispensing", "partially_dispensed"},
	"medicine.recall":      {"OBSERVE", "holding", "recalled"},
	"medicine.expire":      {"OBSERVE", "holding", "expired"},
	"medicine.destroy":     {"DELETE", "destroying", "destroyed"},
}

// ErrNoEvents means that an item's contract tells of no things with GS1 keys.
var ErrNoEvents = fmt.Errorf("%w: EPCIS tells of the contracts food, goods and medicine", ledger.ErrFormat)

// digitalLink is the canonical form of a GS1 Digital Link.
const digitalLink = "https://id.gs1.org/"

// EPCIS returns the history of an item as an EPCIS 2.0 document in JSON-LD: one event for each record that tells of one,
// the oldest first, under the id of its record. The item comes with its history, proven complete.
func EPCIS(name string, item lightclient.Item, created time.Time) ([]byte, error) {
	events := []any{}
	for _, r := range slices.Backward(item.Records) {
		s, ok := steps[r.Contract+"."+r.Action]
		if !ok {
			continue
		}
		event, err := eventOf(name, s, r)
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", r.ID, err)
		}
		events = append(events, event)
	}
	if len(events) == 0 {
		return nil, ErrNoEvents
	}
	return encode(object{
		"@context": []any{"https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
			object{"evident": "urn:evident:terms:"}},
		"type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": stamp(created.UnixMilli()),
		"epcisBody": object{"eventList": events},
	})
}

// fields are what the contracts' actions say, as far as EPCIS has a place for it.
type fields struct {
	GTIN, Lot, Serial, Product, Unit, SSCC, Location string

	Quantity, Doses, Expires int64
	OccurredAt               int64 `json:"occurred_at"`
	Conformant               *bool
	Inputs                   []struct {
		Lot      string
		Quantity int64
	}
	Readings []struct{ At, Celsius int64 }
	Serials  []string
}

func eventOf(name string, s step, r lightclient.Record) (object, error) {
	var f fields
	if err := json.Unmarshal(r.Fields, &f); err != nil {
		return nil, fmt.Errorf("%w: the fields: %w", ledger.ErrFormat, err)
	}
	at := f.OccurredAt
	if at == 0 {
		at = r.At
	}
	event := object{"type": "ObjectEvent", "eventID": "urn:evident:record:" + r.ID.String(), "eventTime": stamp(at), "eventTimeZoneOffset": "+00:00",
		"recordTime": stamp(r.Header.Time), "bizStep": s.business, "disposition": s.disposition,
		"evident:ledger": r.Ledger, "evident:block": fmt.Sprint(r.Header.Height), "evident:signedBy": keyNames(r.By)}
	if f.Conformant != nil && !*f.Conformant {
		event["disposition"] = "non_conformant"
	}
	if f.Location != "" {
		place := object{"id": digitalLink + "414/" + f.Location}
		event["readPoint"], event["bizLocation"] = place, place
	}
	f.what(event, name, s)
	return event, nil
}

// what fills in the things that an event is about.
func (f *fields) what(event object, name string, s step) {
	if s.action != "" {
		event["action"] = s.action
	}
	switch {
	case len(f.Inputs) > 0:
		var inputs []any
		for _, i := range f.Inputs {
			inputs = append(inputs, f.amount(i.Lot, i.Quantity))
		}
		event["type"], event["inputQuantityList"], event["outputQuantityList"] = "TransformationEvent", inputs, []any{f.amount(name, f.Quantity)}
		event["ilmd"] = f.master()
		return
	case strings.Contains(name, "/21/"):
		event["epcList"] = []any{digitalLink + name}
	default:
		event["quantityList"] = []any{f.amount(name, f.Quantity+f.Doses)}
		f.inside(event, name)
	}
	if s.action == "ADD" {
		event["ilmd"] = f.master()
	}
	if len(f.Readings) > 0 {
		event["sensorElementList"] = f.sensors()
	}
}

// inside adds the serials that were given out of a lot, and the logistic unit that it travels in.
func (f *fields) inside(event object, name string) {
	var list []any
	gtin, _, _ := strings.Cut(name, "/10/")
	for _, serial := range f.Serials {
		list = append(list, digitalLink+gtin+"/21/"+serial)
	}
	if f.SSCC != "" {
		list = append(list, digitalLink+"00/"+f.SSCC)
	}
	if list != nil {
		event["epcList"] = list
	}
}

// unitCodes are those of UN/CEFACT Recommendation 20. What is counted has none.
var unitCodes = map[string]string{"g": "GRM", "ml": "MLT"}

func (f *fields) amount(lot string, quantity int64) object {
	element := object{"epcClass": digitalLink + lot}
	if quantity > 0 {
		element["quantity"] = quantity
	}
	if code := unitCodes[f.Unit]; code != "" && quantity > 0 {
		element["uom"] = code
	}
	return element
}

// master is what is known of a lot or serial from its beginning.
func (f *fields) master() object {
	m := object{}
	if f.Lot != "" {
		m["cbvmda:lotNumber"] = f.Lot
	}
	if f.Expires > 0 {
		m["cbvmda:itemExpirationDate"] = time.UnixMilli(f.Expires).UTC().Format(time.DateOnly)
	}
	if f.Product != "" {
		m["evident:product"] = f.Product
	}
	return m
}

func (f *fields) sensors() []any {
	var reports []any
	for _, r := range f.Readings {
		reports = append(reports, object{"type": "Temperature", "value": json.RawMessage(decimal(r.Celsius)), "uom": "CEL", "time": stamp(r.At)})
	}
	return []any{object{"sensorReport": reports}}
}

// decimal writes hundredths as a JSON number.
func decimal(hundredths int64) string {
	sign := ""
	if hundredths < 0 {
		sign, hundredths = "-", -hundredths
	}
	return fmt.Sprintf("%s%d.%02d", sign, hundredths/100, hundredths%100)
}

func keyNames(keys []string) []any {
	var names []any
	for _, key := range keys {
		name, _, _ := strings.Cut(key, "+")
		names = append(names, name)
	}
	return names
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func encode(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return append(data, '\n'), nil
}
