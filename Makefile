# Evident: everything a developer types. `make` alone lists it.
#
# Go's own cache decides what is stale, so Go programs are always handed to `go build`; npm's part runs when its inputs
# are newer than what it made. Flags never change between targets: other flags would compile GTK and WebKit again.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# PURE packages need no network, disk, clock or goroutine, and build for the browser and for 32 bits. The light client's
# digests read files but go to the browser too.
PURE     := ./lightclient/ledger ./lightclient/merkle ./lightclient/proof ./lightclient/casefile ./lightclient/evidence ./lightclient/evidence/seal ./fullnode/finality
GOFILES  := $(wildcard *.go app build frontend/*.go fullnode lightclient)
PAGES    := $(shell find frontend -path frontend/node_modules -prune -o -path frontend/dist -prune -o -path frontend/verifier -prune -o -type f -print)
GO_BUILD := go build -buildvcs=false -ldflags "-s -w"
DESKTOP  := -tags desktop,production,webkit2_41
CHECKER  := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 20s

WASM := frontend/public/evident.wasm
FILES := frontend/public/evident-files.wasm
GLUE := frontend/public/wasm_exec.js
DIST := frontend/dist/index.html
VERIFIER := frontend/verifier/verify.wasm
ONE_FILE := frontend/dist/verify.html
NPM  := frontend/node_modules/.installed

.PHONY: help start build wasm frontend verify-html desktop clean \
	check static format vet staticcheck pure pages-check test-short \
	test test-go test-wasm test-frontend test-e2e test-desktop bench sim hammer fuzz FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

## Run and build

start: ## a four-member consortium, the explorer and, where there is a display, the desktop app
	@build/setup.sh run
	@$(MAKE) --no-print-directory build
	@if [[ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]]; then $(MAKE) --no-print-directory desktop; fi
	@exec build/start.sh

build: frontend ## bin/evident and bin/evidentd, with the pages inside
	@mkdir -p bin
	CGO_ENABLED=0 $(GO_BUILD) -o bin/ ./lightclient/cmd/evident ./fullnode/cmd/evidentd

wasm: $(WASM) $(FILES) $(GLUE) ## the light client for the browser, and its part for evidence files

# Copied only when it differs, so that an unchanged light client does not rebuild the pages.
$(WASM): FORCE
	@mkdir -p bin
	GOOS=js GOARCH=wasm $(GO_BUILD) -o bin/evident.wasm ./lightclient/wasm
	@cmp -s bin/evident.wasm $@ || cp bin/evident.wasm $@

$(FILES): FORCE
	@mkdir -p bin
	GOOS=js GOARCH=wasm $(GO_BUILD) -o bin/evident-files.wasm ./lightclient/wasm/files
	@cmp -s bin/evident-files.wasm $@ || cp bin/evident-files.wasm $@

$(GLUE): FORCE
	@cmp -s "$$(go env GOROOT)/lib/wasm/wasm_exec.js" $@ || cp "$$(go env GOROOT)/lib/wasm/wasm_exec.js" $@

$(VERIFIER): FORCE
	@mkdir -p bin $(@D)
	GOOS=js GOARCH=wasm $(GO_BUILD) -o bin/verify.wasm ./lightclient/wasm/verify
	@cmp -s bin/verify.wasm $@ || cp bin/verify.wasm $@

frontend: $(DIST) $(ONE_FILE) ## the pages, from one source for browser and desktop

$(DIST): $(NPM) $(WASM) $(FILES) $(GLUE) $(PAGES)
	cd frontend && npm run --silent build
	@node build/compress.mjs frontend/dist
	@touch $@

verify-html: $(ONE_FILE) ## frontend/dist/verify.html: the verifier as one file that needs no network

# Building the pages empties dist, so this comes after it.
$(ONE_FILE): $(DIST) $(VERIFIER)
	cd frontend && npm run --silent build:verify
	@touch $@

$(NPM): frontend/package-lock.json
	cd frontend && npm ci --no-audit --no-fund
	@touch $@

desktop: frontend ## bin/evident-desktop, where GTK and WebKit can be built against
	@mkdir -p bin
	@if pkg-config --exists gtk+-3.0 webkit2gtk-4.1 2>/dev/null; then \
		echo "building the desktop app (about three minutes the first time)"; \
		$(GO_BUILD) $(DESKTOP) -o bin/evident-desktop .; \
	else \
		rm -f bin/evident-desktop; \
		echo "desktop app left out: GTK 3 and WebKitGTK 4.1 are not installed"; \
	fi

clean: ## remove what was built, and nothing of a ledger
	rm -rf bin frontend/node_modules $(WASM) $(FILES) $(GLUE) $(VERIFIER)
	find frontend/dist -mindepth 1 ! -name .gitkeep -delete

## The quick half

check: static test-short ## format, vet, staticcheck, unit tests, browser and 32-bit builds, pages

static: format vet staticcheck pure pages-check

format:
	@out=$$(gofmt -l $(GOFILES)); [[ -z "$$out" ]] || { echo "gofmt would change:"; echo "$$out"; exit 1; }

vet:
	go vet ./...
	GOOS=js GOARCH=wasm go vet ./lightclient/wasm/...

staticcheck:
	go run $(CHECKER) ./...

pure:
	GOOS=js GOARCH=wasm go build $(PURE)
	GOARCH=386 go build $(PURE)

pages-check: $(NPM)
	cd frontend && npm run --silent check

test-short:
	go test -short ./...

## Everything

# The Go tests come last, so that the output ends with their result.
test: ## everything: check, the full Go, browser and desktop tests
	@build/setup.sh test
	@$(MAKE) --no-print-directory static test-wasm test-frontend test-e2e test-desktop test-go

test-go:
	go test -timeout 15m ./...
	@go test -count=1 .

# The test binary gets an environment of its own: Go's loader for Node has room for 8 KiB of variables.
test-wasm:
	GOOS=js GOARCH=wasm go test -short -exec "env -i PATH=$$PATH $$(go env GOROOT)/lib/wasm/go_js_wasm_exec" $(PURE)

test-frontend: $(NPM)
	cd frontend && npm run --silent test

test-e2e: build
	@if { type -P chromium || type -P chromium-browser || type -P google-chrome; } >/dev/null; then \
		cd frontend && npm run --silent e2e && npm run --silent e2e:contracts && npm run --silent e2e:previews && npm run --silent e2e:files && npm run --silent e2e:verify; \
	else \
		echo "NOT RUN: the explorer's tests, which need Chromium (build/setup.sh test installs it)"; \
	fi

test-desktop: build desktop
	@if [[ -x bin/evident-desktop ]] && { type -P xvfb-run && type -P xdotool && type -P openbox; } >/dev/null; then \
		xvfb-run -a go test -count=1 -tags desktoptest ./app/...; \
	else \
		echo "NOT RUN: the desktop tests, which need WebKitGTK and Xvfb (build/setup.sh test installs them)"; \
	fi

## Longer looks

bench: build ## the figures of the product beside their goals
	go run ./build/bench

sim: ## simulated schedules of the consortium, by seed
	go test -count=1 -timeout 0 -tags sim -run Simulate ./fullnode/...

hammer: build ## real processes killed under load
	go test -count=1 -timeout 0 -tags hammer -run Hammer ./fullnode/...

fuzz: ## every fuzz target for FUZZTIME (20s)
	build/fuzz.sh $(FUZZTIME)
