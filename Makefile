# The wallet's commands. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

export FLASK_APP := wsgi
unexport PYTHONHOME PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help run test lint bench race seed verify clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  PORT, WALLET_DATA_DIR, DATABASE_URL and the other settings: docs/operations.md'

run: $(VENV)/installed-local ## set up, and serve the wallet on http://127.0.0.1:$PORT (default 5000)
	@exec $(BIN)/python -m wallet_app.embedded --with-parent

test: $(VENV)/installed-dev ## set up, and run the whole test-suite (TEST_DATABASE_URL names another server)
	@$(BIN)/python -m pytest -n 2 --dist loadscope $(PYTEST_ARGS)

lint: $(VENV)/installed-dev ## check style, types, layers, the Dockerfile and compose.yaml
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	@$(BIN)/compose-lint --quiet compose.yaml > /dev/null || $(BIN)/compose-lint compose.yaml

bench: $(VENV)/installed-dev ## measure transfers per second against PostgreSQL's own limit
	@$(BIN)/python -m benchmarks.transfers

race: $(VENV)/installed-dev ## 32 clients for a minute while processes are killed: no money may be lost or made
	@$(BIN)/python -m benchmarks.race

seed: $(VENV)/installed-local ## fill the database with the demo data (changes nothing that is there)
	@$(BIN)/flask seed

verify: $(VENV)/installed-local ## check every invariant of the ledger over the whole database
	@$(BIN)/flask verify-ledger

clean: ## remove the virtual environment and all caches; the data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Python 3.11 or newer is needed; $(PYTHON) is not. Name one: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo 'No virtual environment could be made. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@touch $@

$(VENV)/installed-local: $(VENV)/created requirements.txt requirements-local.txt
	@echo 'Installing the wallet (a minute or so, the first time) ...'
	@$(PIP) install --quiet -r requirements-local.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/created requirements.txt requirements-local.txt requirements-dev.txt
	@echo 'Installing the wallet and its tools (a minute or so, the first time) ...'
	@$(PIP) install --quiet -r requirements-dev.txt
	@touch $@ $(VENV)/installed-local
