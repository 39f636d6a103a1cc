# Everything runs in .venv, which `make install` builds from requirements.lock. Only Python 3.11 and make are needed.
PYTHON ?= python3.11
# One for each core of the machine that tests; WORKERS=0 runs in one process.
WORKERS ?= 2
# A worker that has nothing left takes from the other: some tests take a minute, and others follow them in the same share.
SPREAD := -n $(WORKERS) --dist worksteal
PYTEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
VENDOR := ui/static/vendor
NPM := $(shell command -v npm 2>/dev/null)

# A missing peer (a browser, a search server) is a skip on a laptop and a failure where everything has to be tested.
ifeq ($(CI),true)
export DISCOVERY_REQUIRE_PEERS ?= 1
endif

# Where Python may not keep what it has compiled, every program that a test starts compiles all it imports again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test lint unit rest test-long bench bench-embeddings bench-long bench-growth bench-harvest relevance docs assets wheel lock clean

help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Build .venv from the lock; does nothing when it is up to date

# uv comes by pip, checked by hash, and installs the rest several times faster than pip would.
$(STAMP): requirements.lock requirements-install.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is needed; say PYTHON=... if it has another name" >&2; exit 1; }
	@rm -f $@
	@$(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); }
	@echo "installing $$(grep -c '==' requirements.lock) packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-install.lock
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: install ## Harvest real catalogues and open the portal on this machine
	@$(MAKE) --no-print-directory assets || echo "no browser files: the pages work without their scripts"
	@$(BIN)/discovery demo

test: install assets lint unit rest ## Lint, then the unit tests, then those that start programs and peers

lint: install ## Check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

unit: install ## Run the tests of less than a minute in all
	@$(BIN)/python -m pytest $(SPREAD) -q -m "not long and not bench and not slow and not peer" $(PYTEST_ARGS)

rest: install assets ## Run the tests that start programs, and the peers that are here
	@$(BIN)/python -m pytest $(SPREAD) -q -m "not long and not bench and (slow or peer)" $(PYTEST_ARGS)

test-long: install assets ## Run the tests that take minutes
	@$(BIN)/python -m pytest -m long --timeout 1800 $(PYTEST_ARGS)

bench: install ## Measure; prints medians, p99, memory and load
	@$(BIN)/python tests/benchmarks/bench_portal.py $(BENCH_ARGS)
	@$(BIN)/python tests/benchmarks/bench_stac.py $(BENCH_STAC_ARGS)
	@$(BIN)/python tests/benchmarks/bench_store.py $(BENCH_STORE_ARGS)

bench-search: install ## Measure searches beside Elasticsearch, SFEOS and pgstac, which it installs; takes an hour at full size
	@$(BIN)/python tests/benchmarks/bench_search.py $(BENCH_SEARCH_ARGS)
	@$(BIN)/python tests/benchmarks/bench_stac_peers.py $(BENCH_STAC_PEERS_ARGS)

bench-growth: install ## Measure searches while a catalogue grows to a million records; BENCH_GROWTH_ARGS="--plot FILE.svg" draws it
	@$(BIN)/python tests/benchmarks/bench_growth.py $(BENCH_GROWTH_ARGS)

bench-embeddings: install ## Measure searches for near vectors beside numpy, DuckDB, LanceDB, USearch and Elasticsearch
	@$(BIN)/python tests/benchmarks/bench_embeddings.py $(BENCH_EMBEDDINGS_ARGS)

bench-long: install ## Measure searches among 10,000,000 vectors that are made while they are written; takes an hour and 20 GB
	@$(BIN)/python tests/benchmarks/bench_long.py $(BENCH_LONG_ARGS)

bench-harvest: install ## Measure harvests; prints ours and the peers' side by side
	@$(BIN)/python tests/benchmarks/bench_harvest.py $(BENCH_HARVEST_ARGS)
	@$(BIN)/python tests/benchmarks/bench_records.py $(BENCH_RECORDS_ARGS)
	@$(BIN)/python tests/benchmarks/bench_csw.py $(BENCH_CSW_ARGS)
	@$(BIN)/python tests/benchmarks/bench_tap.py $(BENCH_TAP_ARGS)

relevance: install ## Ask the demo 120 questions; prints how good the answers are beside plain BM25
	@$(BIN)/python tests/relevance/relevance.py $(RELEVANCE_ARGS)

docs: install ## Write the tables of the reference pages from the code
	@$(BIN)/python docs/generate.py

ifeq ($(NPM),)
assets: ## Copy the pinned browser files; without npm the pages still work
	@echo "npm is not here: the pages work without their scripts"
else
assets: $(VENDOR)/htmx.min.js ## Copy the pinned browser files; without npm the pages still work
endif

# npm ci checks every file against the hashes in package-lock.json, and writes this file last.
node_modules/.package-lock.json: package.json package-lock.json
	@npm ci --silent --no-progress </dev/null
	@touch $@

# htmx stands for them all: it is copied last.
$(VENDOR)/htmx.min.js: node_modules/.package-lock.json
	@rm -rf $(VENDOR) && mkdir -p $(VENDOR)
	@cp node_modules/graphiql/graphiql.min.js node_modules/graphiql/graphiql.min.css $(VENDOR)/
	@cp node_modules/react/umd/react.production.min.js $(VENDOR)/
	@cp node_modules/react-dom/umd/react-dom.production.min.js $(VENDOR)/
	@for name in htmx.org graphiql react react-dom; do \
		cp node_modules/$$name/LICENSE $(VENDOR)/LICENSE.$$name.txt || exit 1; done
	@cp node_modules/htmx.org/dist/htmx.min.js $@

wheel: install assets ## Build the wheel into dist/ with the packages of the lock
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --wheel --outdir dist

# All extras but gpu, whose wheels are gigabytes.
lock: EXTRAS = import tomllib; print(*("--extra " + each for each in \
	tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"] if each != "gpu"))
lock: ## Resolve requirements.lock anew from pyproject.toml
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --require-hashes -r requirements-install.lock; }
	@$(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		$$($(BIN)/python -c '$(EXTRAS)') --output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--output-file requirements-install.lock requirements-install.in

clean: ## Remove everything that make built
	@rm -rf $(VENV) node_modules $(VENDOR) dist build .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
