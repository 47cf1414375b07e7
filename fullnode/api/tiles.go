package api

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/chain"
	"evident/lightclient/ledger"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	maxLevel   = 6 // a tile above it would stand for more than 2^56 headers
)

// tile answers with a tile of the chain log (C2SP tlog-tiles). Partial tiles
// are immutable too: the path names their width.
func (a *API) tile(w http.ResponseWriter, r *http.Request) error {
	head, err := a.newest()
	if err != nil {
		return err
	}
	tile, err := parseTile(r.PathValue("path"))
	if err != nil {
		return err
	}
	if !inTree(tile, int64(head.Header.Height)+1) {
		return behind(fmt.Sprintf("the chain log has size %d here", head.Header.Height+1))
	}
	var data []byte
	if tile.L < 0 {
		data, err = a.entries(tile)
	} else {
		data, err = tlog.ReadTileData(tile, a.Ledger.HashReader())
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", tile.Path(), err)
	}
	immutable(w)
	write(w, http.StatusOK, "application/octet-stream", data)
	return nil
}

// parseTile reads C2SP's form of a path, which is package tlog's but for the
// tile height and the name of the entries.
func parseTile(path string) (tlog.Tile, error) {
	kind, rest, _ := strings.Cut(path, "/")
	switch kind {
	case "data":
		return tlog.Tile{}, chain.ErrNotFound
	case "entries":
		kind = "data"
	}
	tile, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s/%s", tileHeight, kind, rest))
	if err != nil || tile.L > maxLevel {
		return tlog.Tile{}, badRequest("not the path of a tile", "want /tile/L/N, /tile/L/N.p/W or /tile/entries/N")
	}
	return tile, nil
}

// inTree says whether a tree of that size has all of the tile.
func inTree(tile tlog.Tile, size int64) bool {
	hashes := size >> (tileHeight * max(tile.L, 0))
	return tile.N <= hashes/tileWidth && tile.N*tileWidth+int64(tile.W) <= hashes
}

// entries are header texts, each behind its length.
func (a *API) entries(tile tlog.Tile) ([]byte, error) {
	var data []byte
	for i := range int64(tile.W) {
		header, err := a.Ledger.Header(ledger.Height(tile.N*tileWidth + i))
		if err != nil {
			return nil, err
		}
		entry := header.Text()
		data = append(binary.BigEndian.AppendUint16(data, uint16(len(entry))), entry...)
	}
	return data, nil
}
