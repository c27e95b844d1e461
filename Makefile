# One virtual environment, made from constraints.txt; every target sets up what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help demo test faults fuzz check bench clean

help:
	@echo "make demo    database, viewer and jobs to look at (ARGS=--once checks itself and exits)"
	@echo "make test    the whole suite against a real PostgreSQL (ARGS='-k name')"
	@echo "make faults  kill, starve and unplug it; fails on any line lost or stored twice (ARGS='--scale 0.1 sigterm')"
	@echo "make fuzz    send the ingest 100,000 requests that nobody should send (ARGS='--requests 2000')"
	@echo "make check   lint, format, types, the house's contract"
	@echo "make bench   what it costs, beside the bare OpenTelemetry SDK"
	@echo "make clean   remove what the targets made"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)
	@$(BIN)/otel-joblog demo $(ARGS)

test: $(READY)
	@sh tests/install-chromium.sh
	$(BIN)/python -m pytest -n auto $(ARGS)

faults: $(READY)
	$(BIN)/python -m tests.faults $(ARGS)

fuzz: $(READY)
	$(BIN)/python -m tests.ingest.fuzz $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python benchmarks/overhead.py

clean:
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
