//go:build js

// Command verify is the verifier of proof files for a page without a network,
// in a Web Worker: the one method "verify" of package service, and digests. It
// knows no node and remembers nothing.
//
// It sets on globalThis what the light client's own program sets:
//
//	evidentInvoke(method, params)   a promise of the answer, see package service
//
// and what package digest sets.
package main

import (
	"encoding/json"
	"fmt"
	"syscall/js"

	"evident/lightclient/service"
	"evident/lightclient/wasm/digest"
)

func main() {
	js.Global().Set("evidentInvoke", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return js.Global().Get("Promise").Call("resolve", invoke(args[0].String(), args[1].String()))
	}))
	digest.Provide()
	select {}
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

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("verify: encode an answer: " + err.Error())
	}
	return string(data)
}
