// Package store keeps what a light client remembers: in memory, in a folder,
// or in the browser's IndexedDB. It promises durability and compare-and-swap,
// and nothing about truth: the client verifies again what it reads.
package store

import (
	"bytes"
	"sync"

	"evident/lightclient"
)

// Memory forgets everything when the program ends. Its zero value is empty.
type Memory struct {
	mu     sync.Mutex
	values map[string][]byte
}

// Read implements lightclient.Store.
func (m *Memory) Read(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[name], nil
}

// Swap implements lightclient.Store.
func (m *Memory) Swap(name string, old, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if current, ok := m.values[name]; ok != (old != nil) || !bytes.Equal(current, old) {
		return lightclient.ErrConflict
	}
	if m.values == nil {
		m.values = map[string][]byte{}
	}
	m.values[name] = bytes.Clone(value)
	return nil
}
