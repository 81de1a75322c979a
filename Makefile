# Every command of the project. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# hnswlib would otherwise be built for this very processor and fail on others.
export HNSWLIB_NO_NATIVE := 1
# The programs that tests start are read from bytecode, once it is written: a third of their start.
unexport PYTHONDONTWRITEBYTECODE
OURS := libs services tests bench tools deploy/tv
# Tests run in as many processes as there are processors; each has a Postgres of its own.
JOBS ?= $(shell nproc)
RENDER ?= deploy/k8s/rendered/production.yaml

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
gen: .venv/ready ## Regenerates the code of proto/, in Python and in C
	tools/gen.sh

.PHONY: check
check: .venv/ready ## Format, lint, types, contracts, generated code
	$(BIN)/ruff format --check $(OURS)
	$(BIN)/ruff check $(OURS)
	$(BIN)/mypy $(filter-out libs/omega_sdk/src,$(wildcard libs/*/src)) $(wildcard services/*/src) tests bench tools deploy/tv
	$(BIN)/buf lint proto
	$(BIN)/buf format --diff --exit-code proto
	$(BIN)/buf breaking proto --against proto/baseline/omega.binpb
	tools/gen.sh --check
	PYTHONPATH=tools $(BIN)/python -m dashboards --check

.PHONY: test
test: setup ## The whole suite, a file a process at a time (JOBS=1: one process)
	$(BIN)/pytest -n $(JOBS) --dist loadfile

.PHONY: demo
demo: setup ## Runs the whole loop and shows it (OMEGA_DATA=path of ml-latest-small for real ratings; PRIVACY=threshold: TVs report pairs)
	$(BIN)/omega demo $(if $(PRIVACY),--privacy $(PRIVACY)) $(ARGS)

.PHONY: bench
bench: setup .venv-bench/ready ## Prints the measured figures beside their peers
	$(BIN)/omega bench brain $(ARGS)

.venv-bench/ready: requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install -q --disable-pip-version-check -r requirements-bench.txt
	touch $@

.PHONY: trace
trace: setup ## Runs brain, sync, constellation and Postgres, does one sync and prints its one trace
	$(BIN)/python tools/trace.py $(ARGS)

.PHONY: telemetry-bench
telemetry-bench: setup ## What telemetry costs a sync, beside its bound
	$(BIN)/omega bench telemetry $(ARGS)

.PHONY: bench-setup
bench-setup: .venv-bench/ready ## Installs the peers that the brain is measured beside, into .venv-bench

.PHONY: ten-years
ten-years: setup ## Ten years of one household's evenings through the real brain
	$(BIN)/python bench/ten_years.py $(ARGS)

.PHONY: a-year
a-year: setup ## A year of one household's evenings, and one in which its taste moves, held to what they must teach
	$(BIN)/pytest tests/brain/a_year_on_a_tv.py $(ARGS)

.PHONY: chaos-brain
chaos-brain: setup ## Kills, breaks and starves the brain over 500 restarts, with events flowing
	$(BIN)/python bench/chaos_brain.py $(ARGS)

.PHONY: tls-proof
tls-proof: setup ## Shows by openssl s_client what TLS a gateway agrees to
	$(BIN)/python tools/tls_proof.py

.PHONY: tls-postgres-proof
tls-postgres-proof: setup ## Calls Debian's Postgres over TLS: good ways, and those that must be refused
	$(BIN)/python tools/tls_postgres_proof.py $(ARGS)

.PHONY: upgrade-proof
upgrade-proof: setup ## Rolls this tree out beside the release before it, and takes its servers back
	$(BIN)/python tools/upgrade_proof.py $(ARGS)

.PHONY: backup-proof
backup-proof: setup ## Backs a shard up under load, loses its server, and goes on from the backup
	$(BIN)/python tools/backup_proof.py $(ARGS)

.PHONY: tv-proof
tv-proof: setup ## Holds a TV's units to systemd's checks
	$(BIN)/python tools/tv_proof.py $(ARGS)

.PHONY: update-proof
update-proof: setup ## Updates a TV with real wheels of this tree, and has it take a bad release back
	$(BIN)/python tools/update_proof.py $(ARGS)

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

.PHONY: release-proof
release-proof: setup ## Releases a bad and an equal version to 100,000 devices, and counts the judge's errors
	$(BIN)/python bench/release_proof.py $(ARGS)

.PHONY: frontier-threshold
frontier-threshold: setup ## Threshold reports: quality, attacks, bytes, and counting held to the cryptography (OMEGA_DATA=path of ml-latest-small)
	@test -n "$(OMEGA_DATA)" || { echo "OMEGA_DATA is not set: it names the folder of ml-latest-small"; exit 1; }
	OPENBLAS_NUM_THREADS=1 $(BIN)/omega eval frontier --data $(OMEGA_DATA) --sigma --thresholds 5,3,10 $(ARGS)

.PHONY: chaos-sync
chaos-sync: setup ## TVs and a shard on both ends of a bad line, cut and killed in the middle (root)
	$(BIN)/python bench/chaos_sync.py $(ARGS)

.PHONY: chaos-threshold
chaos-threshold: setup ## TVs report pairs over weeks of virtual time while every party is killed and two are away for a day
	$(BIN)/python bench/chaos_threshold.py $(ARGS)

.PHONY: chaos-shards
chaos-shards: setup ## Adds, kills, promotes, drains and splits shards under load, and kills the worker (ARGS="--devices 300")
	$(BIN)/python bench/chaos_shards.py $(ARGS)

.PHONY: interop
interop: setup ## Drives brain and sync from Node.js with @grpc/grpc-js
	@command -v npm >/dev/null || { echo "Node.js is missing: apt-get install nodejs npm"; exit 1; }
	cd tests/interop && npm ci --silent --no-audit --no-fund
	$(BIN)/python tests/interop/drive.py

.PHONY: contract-clients
contract-clients: setup ## Holds all services to their contracts from Python, Node.js and C, then spoilt ones (ARGS="--tables brain")
	@command -v npm >/dev/null || { echo "Node.js is missing: apt-get install nodejs npm"; exit 1; }
	@command -v gcc >/dev/null || { echo "gcc is missing: apt-get install gcc libc6-dev"; exit 1; }
	$(BIN)/python tools/contract_proof.py $(ARGS)

.PHONY: sdk
sdk: .venv/ready ## Builds the C library for firmware and its examples into build/omega_sdk
	$(BIN)/cmake -S libs/omega_sdk -B build/omega_sdk $(ARGS)
	$(BIN)/cmake --build build/omega_sdk --parallel $(JOBS)

.PHONY: sdk-cross
sdk-cross: setup ## Builds the C library for x86-64, arm64 and armhf, and runs it on each before a brain (qemu-user)
	$(BIN)/python tools/sdk_cross.py $(ARGS)

.PHONY: sdk-fuzz
sdk-fuzz: setup ## Fuzzes what the C library reads with libFuzzer (clang; ARGS="--seconds 1800")
	$(BIN)/python tools/sdk_fuzz.py $(ARGS)

.PHONY: sdk-valgrind
sdk-valgrind: setup ## Runs the C library's examples, fuzzers' inputs and a hundred threads under valgrind
	$(BIN)/python tools/sdk_valgrind.py $(ARGS)

.PHONY: sdk-hammer
sdk-hammer: setup ## A hundred threads of the C library, sanitized, while the brain is killed (ARGS="--kills 20")
	$(BIN)/python tools/sdk_hammer.py $(ARGS)

.PHONY: sdk-bench
sdk-bench: setup ## How long omega_recommend takes, beside the Python client
	$(BIN)/python bench/sdk_latency.py $(ARGS)

.PHONY: firmware-guide
firmware-guide: .venv/ready ## Follows docs/firmware.md word for word in a clean clone of what is committed
	$(BIN)/python tools/firmware_guide.py $(ARGS)

.PHONY: codec-c
codec-c: .venv/ready ## Holds the C reader of news to the Python one, under three builds
	@command -v gcc >/dev/null || { echo "gcc is missing: apt-get install gcc libc6-dev"; exit 1; }
	$(BIN)/python tools/codec_c.py $(ARGS)

.PHONY: openapi
openapi: .venv/ready ## Writes docs/openapi.json anew from the code
	$(BIN)/omega-console --openapi > docs/openapi.json

.venv-rest/ready: requirements-rest.txt
	$(PYTHON) -m venv .venv-rest
	.venv-rest/bin/pip install -q --disable-pip-version-check -r requirements-rest.txt
	touch $@

.PHONY: rest-proof-setup
rest-proof-setup: .venv-rest/ready ## Installs schemathesis, into .venv-rest

.PHONY: rest-proof
rest-proof: setup ## Holds the REST API of a real fleet to its OpenAPI document (schemathesis)
	@test -e .venv-rest/ready || { echo "schemathesis is missing: make rest-proof-setup"; exit 1; }
	$(BIN)/python tools/rest_proof.py $(ARGS)

.PHONY: dashboards
dashboards: .venv/ready ## Writes deploy/grafana/dashboards anew from tools/dashboards
	PYTHONPATH=tools $(BIN)/python -m dashboards

.PHONY: dashboards-proof
dashboards-proof: setup ## Runs every query of dashboards and rules before a real Prometheus and fleet
	@command -v promtool >/dev/null || { echo "Prometheus is missing: apt-get install -y --no-install-recommends prometheus"; exit 1; }
	$(BIN)/python tools/dashboards_proof.py $(ARGS)

.venv-console/ready: requirements-console-proof.txt
	$(PYTHON) -m venv .venv-console
	.venv-console/bin/pip install -q --disable-pip-version-check -r requirements-console-proof.txt
	touch $@

.PHONY: console-proof-setup
console-proof-setup: .venv-console/ready ## Installs what drives a browser, into .venv-console

.PHONY: console-proof
console-proof: setup ## Walks through every page of the web console in Chromium, on a real fleet
	@command -v chromium >/dev/null || { echo "Chromium is missing: apt-get install -y --no-install-recommends chromium fonts-dejavu-core"; exit 1; }
	@test -e .venv-console/ready || { echo "playwright is missing: make console-proof-setup"; exit 1; }
	$(BIN)/python tools/console_proof.py $(ARGS)

.PHONY: images
images: setup ## Builds, checks and runs the image of each service (root; BASE=... stands on another base)
	PYTHONPATH=tools $(BIN)/python -m images all --base "$(BASE)" $(ARGS)

.PHONY: play-kube
play-kube: setup ## Runs the Deployments of a render by podman, from images that are there (root; RENDER=... of dev, staging or production)
	PYTHONPATH=tools $(BIN)/python -m images play --render "$(RENDER)" $(ARGS)

.PHONY: hardware-floor
hardware-floor: setup ## Counts the brain's instructions on arm64 beside amd64 under qemu, from images that are there (root)
	PYTHONPATH=tools $(BIN)/python -m images floor $(ARGS)

.venv-audit/ready: requirements-audit.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install -q --disable-pip-version-check -r requirements-audit.txt
	touch $@

.PHONY: audit
audit: .venv/ready .venv-audit/ready ## Looks up known vulnerabilities of every pinned package
	$(BIN)/python tools/audit.py $(ARGS)

.venv-manifests/ready: requirements-manifests.txt
	$(PYTHON) -m venv .venv-manifests
	.venv-manifests/bin/pip install -q --disable-pip-version-check -r requirements-manifests.txt
	touch $@

.PHONY: manifests-setup
manifests-setup: .venv-manifests/ready ## Installs what knows the schemas of Kubernetes, into .venv-manifests

.PHONY: manifests
manifests: setup ## Renders the manifests, and holds them to schemas and rules; asks no network (ARGS=--write: store the renders)
	@test -e .venv-manifests/ready || { echo "kubernetes-validate is missing: make manifests-setup"; exit 1; }
	PYTHONPATH=tools .venv-manifests/bin/python tools/k8s_manifests.py $(ARGS)
	$(BIN)/pytest tests/manifests

.PHONY: manifests-write
manifests-write: ## Stores what kustomize makes of deploy/k8s today
	@$(MAKE) manifests ARGS=--write

.PHONY: clean
clean: ## Removes what the other commands made
	rm -rf build .venv .venv-audit .venv-bench .venv-console .venv-rest .venv-manifests .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/interop/node_modules demo-report.html demo-report.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
