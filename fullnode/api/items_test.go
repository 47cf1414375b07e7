package api

import (
	"fmt"
	"net/http"
	"testing"
)

// A client that follows next sees each item once, and pages end.
func TestItemsPages(t *testing.T) {
	f := newFixture(t, 3)
	seen, next := map[string]int{}, ""
	for pages := 0; ; pages++ {
		var page Items
		f.read(t, "/v1/items/notes?limit=2"+next, &page)
		for _, one := range page.Items {
			seen[one.Item]++
		}
		if next = "&before=" + page.Next; page.Next == "" {
			break
		}
		if pages > 3 {
			t.Fatalf("no end at page %d", pages)
		}
	}
	for _, r := range f.records {
		if seen[r.ID.String()] != 1 {
			t.Errorf("item %s was listed %d times", r.ID, seen[r.ID.String()])
		}
	}
}

func TestContractsAndItems(t *testing.T) {
	f := newFixture(t, 3)
	var list []ContractEntry
	f.read(t, "/v1/contracts", &list)
	if len(list) != 1 || list[0].Name != "notes" || list[0].Version != 1 {
		t.Errorf("contracts are %v", list)
	}
	if status, body := f.get(t, "/v1/contracts/notes/1"); status != http.StatusOK || string(body) != `{"name":"notes","version":1}` {
		t.Errorf("definition: %d %s", status, body)
	}
	id := f.records[0].ID.String()
	var records ItemRecords
	f.read(t, "/v1/items/notes/"+id+"/records", &records)
	if fmt.Sprint(records.Records) != "["+id+"]" {
		t.Errorf("records are %v", records)
	}
	f.read(t, "/v1/items/notes/"+id+"/records?before="+id, &records)
	if len(records.Records) != 0 {
		t.Errorf("records before the first are %v", records)
	}
	var related Related
	f.read(t, "/v1/items/notes/"+id+"/related", &related)
	if len(related.Parents) != 1 || related.Children == nil {
		t.Errorf("related are %v", related)
	}
	for _, path := range []string{"/v1/contracts/notes/01", "/v1/contracts/notes/-1", "/v1/items/notes?limit=0", "/v1/items/notes?limit=101",
		"/v1/items/notes?before=x", "/v1/items/notes?before=1-", "/v1/items/notes?before=1--1", "/v1/items/notes/x/records?before=12", "/v1/items/%ff/x/related"} {
		if status, body := f.get(t, path); status != http.StatusBadRequest {
			t.Errorf("GET %s: %d %s", path, status, body)
		}
	}
	if status, _ := f.get(t, "/v1/contracts/notes/2"); status != http.StatusNotFound {
		t.Errorf("a version that is not there: %d", status)
	}
}
