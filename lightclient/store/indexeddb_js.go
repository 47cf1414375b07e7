package store

import (
	"bytes"
	"errors"
	"fmt"
	"syscall/js"

	"evident/lightclient"
)

// IndexedDB keeps the values in the browser, for the origin of the page. A
// swap reads and writes in one transaction, so that pages open at the same
// time take turns.
type IndexedDB struct{ db js.Value }

const values = "values"

// OpenIndexedDB opens the database of a name, and makes it if there is none.
func OpenIndexedDB(name string) (*IndexedDB, error) {
	factory := js.Global().Get("indexedDB")
	if factory.IsUndefined() || factory.IsNull() {
		return nil, errors.New("this browser has no IndexedDB here")
	}
	request := factory.Call("open", name, 1)
	upgrade := js.FuncOf(func(js.Value, []js.Value) any {
		request.Get("result").Call("createObjectStore", values)
		return nil
	})
	defer upgrade.Release()
	request.Set("onupgradeneeded", upgrade)
	db, err := await(request)
	if err != nil {
		return nil, fmt.Errorf("open IndexedDB: %w", err)
	}
	return &IndexedDB{db: db}, nil
}

// Read implements lightclient.Store.
func (d *IndexedDB) Read(name string) ([]byte, error) {
	t := d.db.Call("transaction", values, "readonly")
	value, err := await(t.Call("objectStore", values).Call("get", name))
	if err != nil {
		return nil, err
	}
	return bytesOf(value), nil
}

// Swap implements lightclient.Store. The write is asked for inside the read's
// callback, because a transaction ends when its last callback has returned.
func (d *IndexedDB) Swap(name string, old, value []byte) error {
	t := d.db.Call("transaction", values, "readwrite")
	store := t.Call("objectStore", values)
	read := store.Call("get", name)
	done := make(chan error, 1)
	var conflict error // told when the transaction has ended, since it calls back until then
	onRead := js.FuncOf(func(js.Value, []js.Value) any {
		current := bytesOf(read.Get("result"))
		if (current == nil) != (old == nil) || !bytes.Equal(current, old) {
			conflict = lightclient.ErrConflict
			return nil
		}
		array := js.Global().Get("Uint8Array").New(len(value))
		js.CopyBytesToJS(array, value)
		store.Call("put", array, name)
		return nil
	})
	defer onRead.Release()
	onComplete := js.FuncOf(func(js.Value, []js.Value) any { done <- conflict; return nil })
	defer onComplete.Release()
	onAbort := js.FuncOf(func(js.Value, []js.Value) any { done <- reason(t); return nil })
	defer onAbort.Release()
	read.Set("onsuccess", onRead)
	t.Set("oncomplete", onComplete)
	t.Set("onabort", onAbort)
	return <-done
}

// Put writes a value, whatever was there before, and returns when it is durable.
func (d *IndexedDB) Put(name string, value []byte) error {
	return d.write(func(values js.Value) {
		array := js.Global().Get("Uint8Array").New(len(value))
		js.CopyBytesToJS(array, value)
		values.Call("put", array, name)
	})
}

// Delete forgets a value.
func (d *IndexedDB) Delete(name string) error {
	return d.write(func(values js.Value) { values.Call("delete", name) })
}

// write waits for a transaction that is on disk, not only with the system.
func (d *IndexedDB) write(change func(values js.Value)) error {
	t := d.db.Call("transaction", values, "readwrite", map[string]any{"durability": "strict"})
	change(t.Call("objectStore", values))
	done := make(chan error, 1)
	onComplete := js.FuncOf(func(js.Value, []js.Value) any { done <- nil; return nil })
	defer onComplete.Release()
	onAbort := js.FuncOf(func(js.Value, []js.Value) any { done <- reason(t); return nil })
	defer onAbort.Release()
	t.Set("oncomplete", onComplete)
	t.Set("onabort", onAbort)
	return <-done
}

// Names lists the names with a prefix, sorted.
func (d *IndexedDB) Names(prefix string) ([]string, error) {
	within := js.Global().Get("IDBKeyRange").Call("bound", prefix, prefix+"\uffff")
	keys, err := await(d.db.Call("transaction", values, "readonly").Call("objectStore", values).Call("getAllKeys", within))
	if err != nil {
		return nil, err
	}
	names := make([]string, keys.Length())
	for i := range names {
		names[i] = keys.Index(i).String()
	}
	return names, nil
}

// Clear forgets everything.
func (d *IndexedDB) Clear() error {
	_, err := await(d.db.Call("transaction", values, "readwrite").Call("objectStore", values).Call("clear"))
	return err
}

func bytesOf(value js.Value) []byte {
	if value.IsUndefined() || value.IsNull() {
		return nil
	}
	data := make([]byte, value.Get("length").Int())
	js.CopyBytesToGo(data, value)
	return data
}

// await waits for a request. It must not be called from a callback.
func await(request js.Value) (js.Value, error) {
	done := make(chan error, 1)
	ok := js.FuncOf(func(js.Value, []js.Value) any { done <- nil; return nil })
	defer ok.Release()
	failed := js.FuncOf(func(js.Value, []js.Value) any { done <- reason(request); return nil })
	defer failed.Release()
	request.Set("onsuccess", ok)
	request.Set("onerror", failed)
	if err := <-done; err != nil {
		return js.Null(), err
	}
	return request.Get("result"), nil
}

func reason(v js.Value) error {
	if e := v.Get("error"); !e.IsNull() && !e.IsUndefined() {
		return errors.New(e.Get("message").String())
	}
	return errors.New("the browser gave no reason")
}
