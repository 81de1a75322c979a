# Every command of the project. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# hnswlib would otherwise be built for this very processor and fail on others.
export HNSWLIB_NO_NATIVE := 1
OURS := libs services tests bench tools

.PHONY: help
help: ## Lists the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/ready: requirements-dev.txt constraints.txt $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt hatchling editables hnswlib
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt --no-build-isolation -r requirements-dev.txt
	touch $@

.PHONY: setup
setup: .venv/ready ## Installs everything into .venv and the sentence model into the cache
	@$(BIN)/omega model install

.PHONY: gen
gen: .venv/ready ## Regenerates libs/omega_proto from proto/
	tools/gen.sh

.PHONY: check
check: .venv/ready ## Format, lint, types, contracts, generated code
	$(BIN)/ruff format --check $(OURS)
	$(BIN)/ruff check $(OURS)
	$(BIN)/mypy $(wildcard libs/*/src) $(wildcard services/*/src) tests bench tools
	$(BIN)/buf lint proto
	$(BIN)/buf format --diff --exit-code proto
	$(BIN)/buf breaking proto --against proto/baseline/omega.binpb
	tools/gen.sh --check

.PHONY: test
test: setup ## The whole suite
	$(BIN)/pytest

.PHONY: demo
demo: setup ## Runs the whole loop and shows it (OMEGA_DATA=path of ml-latest-small for real ratings)
	$(BIN)/omega demo $(ARGS)

.PHONY: bench
bench: setup .venv-bench/ready ## Prints the measured figures beside their peers
	$(BIN)/omega bench brain $(ARGS)

.venv-bench/ready: requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install -q --disable-pip-version-check -r requirements-bench.txt
	touch $@

.PHONY: bench-setup
bench-setup: .venv-bench/ready ## Installs the peers that the brain is measured beside, into .venv-bench

.PHONY: ten-years
ten-years: setup ## Ten years of one household's evenings through the real brain
	$(BIN)/python bench/ten_years.py $(ARGS)

.PHONY: chaos-brain
chaos-brain: setup ## Kills, breaks and starves the brain over 500 restarts, with events flowing
	$(BIN)/python bench/chaos_brain.py $(ARGS)

.PHONY: tls-proof
tls-proof: setup ## Shows by openssl s_client what TLS a gateway agrees to
	$(BIN)/python tools/tls_proof.py

.PHONY: pgbouncer-proof
pgbouncer-proof: setup ## Runs the store's tests through a PgBouncer that pools transactions
	@PATH=$$PATH:/usr/sbin command -v pgbouncer >/dev/null || { echo "pgbouncer is missing: apt-get install pgbouncer"; exit 1; }
	OMEGA_TEST_PGBOUNCER=1 $(BIN)/pytest tests/store $(ARGS)

.PHONY: store-pg16
store-pg16: setup ## Runs the store's tests on Postgres 16
	OMEGA_TEST_POSTGRES=16 $(BIN)/pytest tests/store $(ARGS)

.PHONY: convergence
convergence: setup ## Random histories of a bad line end as a perfect one does (ARGS="--histories 2000 --first-seed 0")
	$(BIN)/pytest tests/sync/convergence $(ARGS)

.PHONY: chaos-sync
chaos-sync: setup ## TVs and a shard on both ends of a bad line, cut and killed in the middle (root)
	$(BIN)/python bench/chaos_sync.py $(ARGS)

.PHONY: interop
interop: setup ## Drives brain and sync from Node.js with @grpc/grpc-js
	@command -v npm >/dev/null || { echo "Node.js is missing: apt-get install nodejs npm"; exit 1; }
	cd tests/interop && npm ci --silent --no-audit --no-fund
	$(BIN)/python tests/interop/drive.py

.PHONY: codec-c
codec-c: .venv/ready ## Holds the C reader of news to the Python one, under three builds
	@command -v gcc >/dev/null || { echo "gcc is missing: apt-get install gcc libc6-dev"; exit 1; }
	$(BIN)/python tools/codec_c.py $(ARGS)

.PHONY: clean
clean: ## Removes what the other commands made
	rm -rf .venv .venv-bench .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/interop/node_modules demo-report.html demo-report.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
