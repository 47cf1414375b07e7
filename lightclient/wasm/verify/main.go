//go:build js

// Command verify is the verifier of proof files for a page without a network,
// in a Web Worker: the one method "verify" of package service, and digests. It
// knows no node and remembers nothing.
//
// It sets on globalThis what the light client's own program sets:
//
//	evidentInvoke(method, params)       a promise of the answer, see package service
//	evidentDigestOpen()                 a handle of a new digest
//	evidentDigestWrite(handle, slice)   adds a Uint8Array
//	evidentDigestClose(handle)          the digest as JSON; the handle is gone
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"syscall/js"

	"evident/lightclient/evidence"
	"evident/lightclient/service"
)

func main() {
	set("evidentInvoke", func(args []js.Value) any {
		return js.Global().Get("Promise").Call("resolve", invoke(args[0].String(), args[1].String()))
	})
	setDigests()
	select {}
}

func set(name string, f func(args []js.Value) any) {
	js.Global().Set(name, js.FuncOf(func(_ js.Value, args []js.Value) any { return f(args) }))
}

// invoke answers in the envelope of package service.
func invoke(method, params string) string {
	report, err := verify(method, params)
	if err != nil {
		return encode(struct {
			Error service.Error `json:"error"`
		}{service.Explain(err)})
	}
	return encode(struct {
		OK service.Report `json:"ok"`
	}{report})
}

func verify(method, params string) (service.Report, error) {
	if method != "verify" {
		return service.Report{}, fmt.Errorf("there is no method %q without a network", method)
	}
	var p service.VerifyParams
	if err := json.Unmarshal([]byte(params), &p); err != nil {
		return service.Report{}, fmt.Errorf("the parameters: %w", err)
	}
	return service.Verify(p)
}

// setDigests lets the page hash files in slices, of any size in little memory.
func setDigests() {
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
		d := h.Sum()
		return encode(service.FileDigest{SHA256: hex.EncodeToString(d.SHA256[:]), CID: d.CID, Size: strconv.FormatInt(d.Size, 10)})
	})
}

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("verify: encode an answer: " + err.Error())
	}
	return string(data)
}
