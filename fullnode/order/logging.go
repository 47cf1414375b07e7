package order

import (
	"context"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLogger turns Raft's lines into debug lines: what matters to people this
// package logs itself.
func raftLogger(to *slog.Logger) hclog.Logger {
	level := hclog.Off
	if to.Enabled(context.Background(), slog.LevelDebug) {
		level = hclog.Warn
	}
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: level, Output: io.Discard})
	l.RegisterSink(slogSink{to})
	return l
}

type slogSink struct{ to *slog.Logger }

// Accept takes lines of every level; the sink has its own threshold.
func (s slogSink) Accept(_ string, level hclog.Level, message string, args ...any) {
	if level >= hclog.Warn {
		s.to.Debug("raft: "+message, args...)
	}
}
