.DEFAULT_GOAL := help
.PHONY: help demo test matrix laws build fmt audit sandbox-up sandbox-down bench bench-bridge chaos fuzz fuzz-keep crashes

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the main job on real brokers, step by step
	@sandbox/demo

test: ## everything: format, clippy, unit tests, tests on real brokers
	@sandbox/run-tests

matrix: ## every field and change on every supported broker; writes docs/compatibility.md
	@sandbox/matrix

build: ## the trueup binary, optimised
	cargo build --release --locked

fmt: ## formats the code
	cargo fmt

audit: ## licences, bans, sources and advisories of the dependencies (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo 'audit: `cargo deny` is not installed; get it with `cargo install --locked cargo-deny`' >&2; exit 1; }
	cargo deny check

sandbox-up: ## real brokers on loopback, to use by hand
	@sandbox/sandbox up

sandbox-down: ## stops them and removes their data
	@sandbox/sandbox down

laws: ## the laws on many random pairs: 100,000 on a snapshot, 1,000 of each kind on real brokers
	@sandbox/run-tests laws

crashes: ## an apply killed around every change that it makes, its ledger damaged; takes long; writes docs/reliability.md
	@sandbox/run-tests crashes

chaos: ## routes under load while workers are killed and frozen, connections cut and brokers restarted: half an hour; writes docs/reliability.md
	@sandbox/run-tests chaos

bench-bridge: ## the bridge beside what either end does alone, in minutes
	@benches/bridge

bench: ## trueup on real brokers beside the same work in bare requests: 1,000 and 10,000 of each, in minutes
	@benches/scale

fuzz: ## any text as manifest, plan and snapshot: FUZZ_SECONDS (3600) each, or FUZZ_TARGET alone
	@fuzz/run

fuzz-keep: ## adds the best of what `make fuzz` found to fuzz/corpus, which `make test` runs
	@fuzz/run --keep
