package order

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/hashicorp/raft"
)

// snapshots keeps one snapshot as a value beside Raft's other values, so that
// it is as durable and as well checked as they are.
type snapshots struct{ values raft.StableStore }

var keySnapshot = []byte("order/snapshot")

// savedSnapshot is Raft's description of a snapshot and the small text it carries.
type savedSnapshot struct {
	Meta raft.SnapshotMeta
	Text []byte
}

func (s snapshots) saved() (*savedSnapshot, error) {
	content, err := s.values.Get(keySnapshot)
	if err != nil {
		return nil, err
	}
	saved := new(savedSnapshot)
	if err := json.Unmarshal(content, saved); err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	return saved, nil
}

// List returns the newest snapshot, the only one.
func (s snapshots) List() ([]*raft.SnapshotMeta, error) {
	saved, err := s.saved()
	if err != nil && err.Error() == errNotFound.Error() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []*raft.SnapshotMeta{&saved.Meta}, nil
}

// Open returns the snapshot called id.
func (s snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	saved, err := s.saved()
	if err != nil {
		return nil, nil, fmt.Errorf("open snapshot: %w", err)
	}
	if saved.Meta.ID != id {
		return nil, nil, fmt.Errorf("open snapshot %s: only %s is kept", id, saved.Meta.ID)
	}
	return &saved.Meta, io.NopCloser(bytes.NewReader(saved.Text)), nil
}

// Create begins a snapshot that replaces the kept one when it is closed.
func (s snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &sink{to: s.values, meta: raft.SnapshotMeta{Version: version, ID: fmt.Sprintf("%d-%d", term, index),
		Index: index, Term: term, Configuration: configuration, ConfigurationIndex: configurationIndex}}, nil
}

// sink collects a snapshot's text.
type sink struct {
	to   raft.StableStore
	meta raft.SnapshotMeta
	text []byte
}

func (k *sink) Write(p []byte) (int, error) {
	if len(k.text)+len(p) > MaxSnapshot {
		return 0, fmt.Errorf("snapshot of more than %d bytes", MaxSnapshot)
	}
	k.text = append(k.text, p...)
	return len(p), nil
}

func (k *sink) ID() string    { return k.meta.ID }
func (k *sink) Cancel() error { return nil }

// Close writes the snapshot; until then the older one stays.
func (k *sink) Close() error {
	k.meta.Size = int64(len(k.text))
	content, err := json.Marshal(savedSnapshot{k.meta, k.text})
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return k.to.Set(keySnapshot, content)
}
