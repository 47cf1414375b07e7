#!/usr/bin/env bash
# Looks for what Evident needs and installs what is missing, where it may.
#
#   setup.sh run    to build and run: the desktop's libraries only where there is a display
#   setup.sh test   to run every test: a browser, a virtual display and fonts as well
#
# Safe to run again: it looks before it installs, and says nothing when nothing is missing. Without the right to install
# it prints the one command to run, and what works without it. Only a missing compiler or tool of the first list stops it.
set -euo pipefail
cd "$(dirname "$0")/.."

level=${1:-}
case $level in
run | test) ;;
*)
	echo "usage: build/setup.sh run|test" >&2
	exit 2
	;;
esac

has() { command -v "$1" >/dev/null 2>&1; }
has_library() { has pkg-config && pkg-config --exists "$1"; }
has_browser() { has chromium || has chromium-browser || has google-chrome; }
has_cryptography() { /usr/bin/python3 -c 'import cryptography' 2>/dev/null; }
has_chinese_font() { has fc-list && [[ -n $(fc-list :lang=zh family) ]]; }

# need PACKAGE TEST... puts a Debian package on the list unless what it brings is there.
missing=()
need() {
	"${@:2}" || missing+=("$1")
}

need_tools() {
	need make has make
	need git has git
	need gcc has cc
	need libc6-dev has cc
}

need_desktop() {
	need pkg-config has pkg-config
	need libgtk-3-dev has_library gtk+-3.0
	need libwebkit2gtk-4.1-dev has_library webkit2gtk-4.1
}

need_tests() {
	need xvfb has xvfb-run
	need xauth has xauth
	need xdotool has xdotool
	need openbox has openbox
	need imagemagick has convert
	need fontconfig has fc-list
	need fonts-noto-cjk has_chinese_font
	need chromium has_browser
	need python3-cryptography has_cryptography
	need qpdf has qpdf
	need poppler-utils has pdftotext
}

look() {
	missing=()
	need_tools
	if [[ $level == test || -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]]; then need_desktop; fi
	if [[ $level == test ]]; then need_tests; fi
}

# as_root runs a command as root if that takes no password.
as_root() {
	if [[ $(id -u) == 0 ]]; then
		"$@"
	else
		sudo -n "$@"
	fi
}
may_install() {
	has apt-get && { [[ $(id -u) == 0 ]] || { has sudo && sudo -n true 2>/dev/null; }; }
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
	as_root env DEBIAN_FRONTEND=noninteractive timeout 900 apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" </dev/null >>"$log" 2>&1
}

# install tries once with the package lists as they are, then with fresh ones, then one by one: a package that this
# release does not have must not keep the others away.
install() {
	apt install --no-install-recommends "$@" && return
	apt update || apt update || true
	apt install --no-install-recommends "$@" && return
	for package in "$@"; do
		apt install --no-install-recommends "$package" || true
	done
}

# at_least WANTED FOUND compares dotted versions.
at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }

# Go and Node come from their makers: what Debian ships is older than what we need.
stopped=0
check_go() {
	local wanted found
	wanted=$(awk '$1 == "go" {print $2}' go.mod)
	found=$(go env GOVERSION 2>/dev/null || true)
	at_least "$wanted" "${found#go}" && return
	echo "Go $wanted or newer is needed${found:+, here is ${found#go}}: https://go.dev/dl/" >&2
	stopped=1
}
check_node() {
	local wanted=20.19 found
	found=$(node --version 2>/dev/null || true)
	if at_least "$wanted" "${found#v}" && has npm; then return; fi
	echo "Node $wanted or newer with npm is needed${found:+, here is ${found#v}}: https://nodejs.org/" >&2
	stopped=1
}

look
if ((${#missing[@]})) && may_install; then
	echo "installing ${missing[*]}"
	install "${missing[@]}"
	look
	if ((${#missing[@]})); then grep '^E: ' "$log" | sort -u >&2 || true; fi
fi

check_go
check_node
if ((${#missing[@]})); then
	echo "not installed: ${missing[*]}" >&2
	echo "  on Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
	echo "  without the desktop's libraries the desktop app is left out, without Chromium and Xvfb their tests;" >&2
	echo "  the command line, the nodes and the explorer need none of them" >&2
fi
for tool in make git cc; do
	has "$tool" || stopped=1
done
exit "$stopped"
