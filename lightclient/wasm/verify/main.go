//go:build js

// Command verify is the verifier of proof files and packages for a page without
// a network, in a Web Worker: the one method "verify" of package service,
// packages and digests. It knows no node and remembers nothing.
//
// It sets on globalThis what the light client's own program sets:
//
//	evidentInvoke(method, params)   a promise of the answer, see package service
//
// and what the packages digest and packages set.
package main

import (
	"encoding/json"
	"fmt"
	"syscall/js"

	"evident/lightclient/service"
	"evident/lightclient/wasm/digest"
	"evident/lightclient/wasm/packages"
)

func main() {
	js.Global().Set("evidentInvoke", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return js.Global().Get("Promise").Call("resolve", string(service.Answer(verify(args[0].String(), args[1].String()))))
	}))
	digest.Provide()
	packages.Provide()
	select {}
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
