//go:build js

// Package digest lets a page hash files in slices, of any size in little memory. Both programs for pages have it, so that
// a page need not know which one it talks to.
package digest

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"syscall/js"

	"evident/lightclient/evidence"
	"evident/lightclient/service"
)

// Provide sets on globalThis:
//
//	evidentDigestOpen()                 a handle of a new digest
//	evidentDigestWrite(handle, slice)   adds a Uint8Array
//	evidentDigestClose(handle)          the digest as JSON; the handle is gone
func Provide() {
	open := map[int]*evidence.Hasher{}
	last := 0
	var buffer []byte
	set("evidentDigestOpen", func([]js.Value) any {
		last++
		open[last] = evidence.NewHasher()
		return last
	})
	set("evidentDigestWrite", func(args []js.Value) any {
		if n := args[1].Get("length").Int(); n > len(buffer) {
			buffer = make([]byte, n)
		}
		if h := open[args[0].Int()]; h != nil {
			h.Write(buffer[:js.CopyBytesToGo(buffer, args[1])])
		}
		return nil
	})
	set("evidentDigestClose", func(args []js.Value) any {
		h := open[args[0].Int()]
		if h == nil {
			return "{}"
		}
		delete(open, args[0].Int())
		return encode(h.Sum())
	})
}

func set(name string, f func(args []js.Value) any) {
	js.Global().Set(name, js.FuncOf(func(_ js.Value, args []js.Value) any { return f(args) }))
}

func encode(d evidence.Digest) string {
	text, err := json.Marshal(service.FileDigest{SHA256: hex.EncodeToString(d.SHA256[:]), CID: d.CID, Size: strconv.FormatInt(d.Size, 10)})
	if err != nil {
		panic("digest: encode: " + err.Error())
	}
	return string(text)
}
