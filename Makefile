# Everything one does with Gatehouse. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
export CGO_ENABLED ?= 1

help: ## list what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1|/' | column -t -s '|'

build: ## build the server into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/gatehouse ./cmd/gatehouse

run: build ## start a development server on http://localhost:8400
	@exec bin/gatehouse dev

# The race detector watches everything but the SQLite that was translated from C,
# and the C library under it, whose own memory accesses are most of what there is
# to watch, and none of ours. A package that uses sync.Map, or another type with
# parameters, cannot be left out: the linker may take its unwatched copy for all.
# It is in the environment, for the servers that tests build.
test race-load races: export GOFLAGS += -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

test: test-setup ## run every test on both databases, race detector on
	scripts/with-postgres $(GO) test -race -timeout 60m ./...
	scripts/fuzz 100x

test-setup: ## install what the tests need, or say what is missing
	scripts/setup-tests

lint: ## vet, format and linters
	scripts/lint

check: lint test ## what CI runs

golden: ## write golden files anew
	$(GO) test ./internal/app ./internal/core ./internal/config ./internal/deliver ./internal/web/pangea ./client/authn -update

bench: test-setup ## measure, and print one table of ratios
	scripts/with-postgres $(GO) run ./bench

gates: ## can answers that tell nobody apart be told apart by their time?
	@set -o pipefail; GATES=1 $(GO) test -count=1 -timeout 60m -run TestGates -v ./gates | grep -v '^=== '

kills: test-setup ## kill -9 under load, more often than `make test` does
	KILLS=200 WRITES=500 scripts/with-postgres $(GO) test -count=1 -timeout 60m -run Kill ./cmd/gatehouse

overload: test-setup ## twenty times the sign-ins that a server can serve, measured
	scripts/with-postgres $(GO) run ./soak overload

clocks: test-setup ## set the clock of a running server forwards and backwards
	CLOCKS=1 scripts/with-postgres $(GO) test -count=1 -timeout 30m -run ClockJumps -v ./cmd/gatehouse

SOAK ?= 1h
soak: test-setup ## half of what a server can serve, for SOAK (1h) on each database
	scripts/with-postgres $(GO) run ./soak -for $(SOAK) mixed

race-load: test-setup ## kills, overload and a mixed minute with the race detector in the server
	RACE=1 KILLS=20 scripts/with-postgres $(GO) test -count=1 -timeout 30m -run Kill -v ./cmd/gatehouse
	scripts/with-postgres $(GO) run ./soak -race -rounds 1 overload
	scripts/with-postgres $(GO) run ./soak -race -for 1m mixed

fuzz: ## fuzz each target for a minute
	scripts/fuzz 60s

races: test-setup ## 64 at once for every one-time value, 200 rounds
	ROUNDS=200 scripts/with-postgres $(GO) test -count=1 -timeout 60m -run 'Parallel|F6' -v ./internal/flow

release: ## build what is handed out into dist/: every platform, the same bytes everywhere
	$(GO) run ./packaging/release

clean: ## remove what was built; data/ stays
	rm -rf bin dist .venv compat/simplesamlphp compat/node/node_modules compat/browser/node_modules compat/packages/node_modules compat/providers/node_modules

.PHONY: help build run test test-setup lint check golden bench gates kills overload clocks soak race-load races fuzz release clean
