#!/usr/bin/env bash
# Runs the consortium and, where a display exists, the desktop app, until Ctrl-C or until the consortium ends. Closing
# the desktop window leaves the consortium running.
set -euo pipefail
cd "$(dirname "$0")/.."

# With job control each program has a process group of its own: Ctrl-C reaches this script alone, which then asks each
# program once to stop.
set -m
pids=()
stop() {
	trap '' INT TERM HUP
	kill -TERM "${pids[@]}" 2>/dev/null || true
}
trap stop INT TERM HUP

bin/evidentd dev </dev/null &
consortium=$!
pids+=("$consortium")

if [[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" && -x bin/evident-desktop ]]; then
	bin/evident-desktop </dev/null &
	pids+=("$!")
fi

# wait returns early when a signal arrives, so it is asked until the consortium has really gone.
status=0
wait "$consortium" || status=$?
while kill -0 "$consortium" 2>/dev/null; do
	status=0
	wait "$consortium" || status=$?
done
stop
wait
exit "$status"
