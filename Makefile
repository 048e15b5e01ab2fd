# The commands people type. `make devnet` and `make test` set up all they need.

CARGO ?= cargo
# All targets build with the features of the whole workspace and the profile for development, in
# which what is hot is optimised: nothing is compiled twice. Only `bench` takes the release profile.
# Arguments of the devnet: make devnet ARGS="--port 9000 --block-time 2"
ARGS ?=

.PHONY: help devnet test kernel evm-kernel fixtures clients conformance fuzz profile bench bench-check bench-accept page \
	engines opinions random docs ci setup clean

# Ethereum's official test suites, if they are at hand: make test SUITES=DIR (conformance/SUITES).
SUITES ?=
override SUITES := $(if $(SUITES),$(abspath $(SUITES)))
export SUITES

help: ## this list
	@awk -F ':[^#]*## ' '/^[a-z-]+:[^#]*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

devnet: evm-kernel ## an Ethereum endpoint on 127.0.0.1:8545 over the compiled kernel
	@$(CARGO) run --bin evm-rollup -- devnet $(ARGS)

test: setup ## every test, through the compiled kernel
	@$(CARGO) xtask kernel --traps
	@$(CARGO) xtask kernel --evaluation
	@$(MAKE) --no-print-directory kernel
	@scripts/test

kernel: evm-kernel ## target/kernel/evm_kernel.wasm, with its size and hash, and the installer
	@$(CARGO) xtask kernel --others

# All that a devnet needs.
evm-kernel: setup
	@$(CARGO) xtask kernel

fixtures: ## recompiles the Solidity fixtures with the pinned solc (needs Node.js)
	@cd solidity_fixtures && npm ci --silent --ignore-scripts && node build.mjs

clients: kernel ## every stock client against the devnet: client, version, steps passed (needs Node.js, Python 3.11)
	@$(CARGO) run --bin clients

page: kernel ## the pages for browsers in a headless Chromium; pictures in target/page (needs Node.js, chromium)
	@$(CARGO) build --bin evm-rollup
	@cd page/browser && npm ci --silent --ignore-scripts && node steps.mjs

conformance: kernel ## our state tests through the compiled kernel; with SUITES=DIR Ethereum's, too
	@$(CARGO) xtask kernel --evaluation
	@$(if $(SUITES),,cat conformance/SUITES)
	@$(CARGO) run --bin evm-rollup -- statetest e2e_tests/statetests $(if $(SUITES),$(SUITES)/statetests)

FUZZ ?= differential

fuzz: ## random blocks through the kernel and plain revm: make fuzz FUZZ="inbox --seconds 600"
	@$(CARGO) run --bin fuzz -- $(FUZZ)

bench: kernel ## what a transaction costs; also to target/bench.json
	@$(CARGO) run --release --bin benches

bench-check: kernel ## fails if a workload costs over 0.5 % more than benches/baseline.json says
	@$(CARGO) build --bin benches
	@target/debug/benches check

bench-accept: kernel ## writes benches/baseline.json anew
	@$(CARGO) build --bin benches
	@target/debug/benches accept

engines: kernel ## levels of the tests on the rollup node's own engine, too (wasmer 3.3.0)
	@$(CARGO) xtask kernel --traps
	@rm -rf target/levels && mkdir -p target/levels
	@RECORD_LEVELS="$(CURDIR)/target/levels" $(CARGO) test --test e2e_tests -- --quiet \
		--skip attacks:: bridge:: fixtures:: chunks:: poisoned:: bad_input:: engines::
	@$(CARGO) run --manifest-path engines/Cargo.toml --target-dir target -- target/levels

# Of a workload of the benches: erc20_200, transfers_200, … (`benches` lists them).
WORKLOAD ?= erc20_200

profile: kernel ## where a workload's instructions go: make profile WORKLOAD=erc20_200
	@$(CARGO) build --bin benches
	@target/debug/benches profile $(WORKLOAD)

random: ## 100,000 random modules on the step machine and on wasmi
	@$(CARGO) run --release --manifest-path random_modules/Cargo.toml --target-dir target/random_modules -- 100000

opinions: ## what the packages of Tezos make of the messages that we read and write
	@$(CARGO) test --manifest-path opinions/Cargo.toml --target-dir target/opinions

docs: setup ## the site of the docs: target/site/index.html; fails if a link is dead
	@$(CARGO) build --bin evm-rollup
	@$(CARGO) test --quiet --manifest-path site/Cargo.toml --target-dir target/site_program
	@$(CARGO) run --quiet --manifest-path site/Cargo.toml --target-dir target/site_program -- \
		. target/debug/evm-rollup target/site

ci: ## what CI runs
	@.ci/run

setup: ## what a bare machine lacks
	@scripts/setup

clean:
	@$(CARGO) clean
