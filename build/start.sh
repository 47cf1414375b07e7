#!/usr/bin/env bash
# Runs the consortium and, where a display exists, the desktop app, until Ctrl-C or until the consortium ends. Closing
# the desktop window leaves the consortium running.
set -euo pipefail
cd "$(dirname "$0")/.."

# With job control each program has a process group of its own: Ctrl-C reaches this script alone, which then asks each
# program once to stop.
set -m
pids=()
stopping=
stop() {
	trap '' INT TERM HUP
	stopping=yes
	kill -TERM "${pids[@]}" 2>/dev/null || true
}
trap stop INT TERM HUP

bin/evidentd dev </dev/null &
consortium=$!
pids+=("$consortium")

# The window opens on a ledger that answers.
if [[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" && -x bin/evident-desktop ]]; then
	for _ in {1..60}; do
		if bin/evident head >/dev/null 2>&1 || ! kill -0 "$consortium" 2>/dev/null; then break; fi
		sleep 0.5
	done
	if [[ -z $stopping ]]; then
		bin/evident-desktop </dev/null &
		pids+=("$!")
	fi
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
