package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"evident/fullnode/chain"
	"evident/fullnode/contract"
	"evident/lightclient/ledger"
)

// maxItemList bounds a page of items, and of an item's records.
const maxItemList = 100

func (a *API) contracts(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.newest(); err != nil {
		return err
	}
	found, err := a.Ledger.Contracts()
	if err != nil {
		return fmt.Errorf("list contracts: %w", err)
	}
	list := make([]ContractEntry, len(found))
	for i, c := range found {
		list[i] = ContractEntry{Name: c.Name(), Version: c.Version(), Digest: contract.Digest(c.Contract), Since: ledger.Height(c.Since)}
	}
	return answer(w, http.StatusOK, list)
}

func (a *API) definition(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.newest(); err != nil {
		return err
	}
	version, err := parseNumber("version", r.PathValue("version"), 1, 1<<53)
	if err != nil {
		return err
	}
	name := r.PathValue("contract")
	definition, err := a.Ledger.Definition(name, version)
	if err != nil {
		return fmt.Errorf("read contract %s version %d: %w", clip(name), version, err)
	}
	write(w, http.StatusOK, "application/json", definition)
	return nil
}

func (a *API) items(w http.ResponseWriter, r *http.Request) error {
	space, _, err := a.itemOf(r)
	if err != nil {
		return err
	}
	limit, err := number(r, "limit", defaultList, 1, maxItemList)
	if err != nil {
		return err
	}
	before := chain.Place{Height: ledger.MaxLogSize}
	if at := r.URL.Query().Get("before"); at != "" {
		if before, err = parsePlace(at); err != nil {
			return err
		}
	}
	found, next, err := a.Ledger.Items(space, before, int(limit))
	if err != nil {
		return fmt.Errorf("list items of %s: %w", clip(space), err)
	}
	out := Items{Items: make([]ItemEntry, len(found))}
	for i, f := range found {
		out.Items[i] = ItemEntry{Item: f.Item, Record: f.Record.String(), Height: f.Height}
	}
	if next.Index >= 0 {
		out.Next = fmt.Sprintf("%d-%d", next.Height, next.Index)
	}
	return answer(w, http.StatusOK, out)
}

// parsePlace reads what Items.Next was.
func parsePlace(s string) (chain.Place, error) {
	height, index, _ := strings.Cut(s, "-")
	h, err := strconv.ParseUint(height, 10, 53)
	i, err2 := strconv.ParseUint(index, 10, 31)
	if err != nil || err2 != nil {
		return chain.Place{}, badRequest("before is what next was in the page before", "got "+clip(s))
	}
	return chain.Place{Height: ledger.Height(h), Index: int64(i)}, nil
}

func (a *API) itemRecords(w http.ResponseWriter, r *http.Request) error {
	space, item, err := a.itemOf(r)
	if err != nil {
		return err
	}
	limit, err := number(r, "limit", maxItemList, 1, maxItemList)
	if err != nil {
		return err
	}
	var before ledger.RecordID
	if id := r.URL.Query().Get("before"); id != "" {
		if before, err = ledger.ParseRecordID(id); err != nil {
			return badRequest(err.Error(), "before is the oldest record of the page before")
		}
	}
	ids, err := a.Ledger.ItemRecords(space, item, before, int(limit))
	if err != nil {
		return fmt.Errorf("read records of an item of %s: %w", clip(space), err)
	}
	out := ItemRecords{Records: make([]string, len(ids))}
	for i, id := range ids {
		out.Records[i] = id.String()
	}
	return answer(w, http.StatusOK, out)
}

func (a *API) itemRelated(w http.ResponseWriter, r *http.Request) error {
	space, item, err := a.itemOf(r)
	if err != nil {
		return err
	}
	parents, children, err := a.Ledger.Related(space, item)
	if err != nil {
		return fmt.Errorf("read what an item of %s is related to: %w", clip(space), err)
	}
	return answer(w, http.StatusOK, Related{Parents: parents, Children: children})
}
