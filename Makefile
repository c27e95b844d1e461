# One virtual environment, made from constraints.txt; every target sets up what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# A collector and a Jaeger, compiled from source: minutes the first time, seconds from then on. Only with Go.
COLLECTOR := .cache/bin/collector
JAEGER    := .cache/bin/jaeger
GO_BUILD  := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w"

.PHONY: help demo test coverage test-postgres faults fuzz others outage collector jaeger check bench clean

help:
	@echo "make demo    database, viewer and jobs to look at (ARGS=--once checks itself and exits)"
	@echo "make test    the whole suite against a real PostgreSQL (ARGS='-k name')"
	@echo "make coverage    the suite with its branch coverage, a package a row"
	@echo "make test-postgres PG_BIN=/usr/lib/postgresql/15/bin    what touches the database, on another version of it"
	@echo "make faults  kill, starve and unplug it; fails on any line lost or stored twice (ARGS='--scale 0.1 sigterm')"
	@echo "make fuzz    send the ingest 100,000 requests that nobody should send (ARGS='--requests 2000')"
	@echo "make others  CPython's own tests in a job and out of one; prints what differs (ARGS='test_logging')"
	@echo "make collector jaeger    build both with Go into .cache/bin; make test then uses them"
	@echo "make outage  100,000 spans through the collector while the ingest is down and the collector is killed"
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
	@missing=; for program in $(COLLECTOR) $(JAEGER); do [ -x $$program ] || missing="$$missing $${program##*/}"; done; \
		[ -z "$$missing" ] || echo "make$$missing was not run (it takes Go): the tests that need it will be skipped."
	$(BIN)/python -m pytest -n auto $(ARGS)

coverage: $(READY)
	$(BIN)/python -m pytest -n auto --cov --cov-report=json:.cache/coverage.json $(ARGS)
	$(BIN)/python -m tests.coverage .cache/coverage.json

test-postgres: $(READY)
	OTEL_JOBLOG_TEST_PG_BIN='$(or $(PG_BIN),$(error say PG_BIN=folder of initdb, pg_ctl and postgres))' \
	$(BIN)/python -m pytest -n auto tests/store tests/health tests/cli tests/web tests/export --ignore tests/store/server/test_embedded.py $(ARGS)

faults: $(READY)
	$(BIN)/python -m tests.faults $(ARGS)

fuzz: $(READY)
	$(BIN)/python -m tests.ingest.fuzz $(ARGS)

others: $(READY)
	$(BIN)/python -m tests.others $(ARGS)

outage: $(READY) $(COLLECTOR)
	$(BIN)/python -m tests.collector.outage $(ARGS)

collector: $(COLLECTOR)

jaeger: $(JAEGER)

$(COLLECTOR): $(wildcard collector/distribution/*)
	@mkdir -p $(@D)
	cd collector/distribution && $(GO_BUILD) -o ../../$@ .

$(JAEGER): collector/jaeger/go.mod collector/jaeger/go.sum
	@mkdir -p $(@D)
	cd collector/jaeger && $(GO_BUILD) -o ../../$@ github.com/jaegertracing/jaeger/cmd/jaeger

# Passwords for docker-compose.yml, made once.
.env:
	@umask 077; for name in POSTGRES_PASSWORD JOBLOG_PASSWORD GRAFANA_READER_PASSWORD GRAFANA_ADMIN_PASSWORD \
		WORKER_PASSWORD OTEL_JOBLOG_INGEST_TOKEN; do echo "$$name=$$($(PYTHON) -c 'import secrets; print(secrets.token_hex(16))')"; done > $@

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/command.py

clean:
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
