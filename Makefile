# Everything runs from .venv, which each command sets up by itself from the lock files (standard library venv and pip).
SHELL := /bin/bash
BIN := .venv/bin
N ?= 200
PEOPLE ?= 1661130

# The first Python on the path that the lock files are made for; `make PYTHON=/path/to/python3.12 …` names another.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	2>/dev/null && echo $$name && break; done)

.PHONY: help demo test long check bench fuzz fuzz-api crash strength docs lock clean odata-clients vendor

help:
	@echo 'make demo            the first five minutes, in one (under a minute after set-up)'
	@echo 'make test            check, then all tests'
	@echo 'make long            more tests of the longer kinds'
	@echo 'make check           ruff and mypy'
	@echo 'make bench           speed and size at 10M source rows; PEOPLE=166113 for 1M'
	@echo 'make fuzz N=1000     so many generated histories against the oracle'
	@echo 'make fuzz-api N=25   so many generated requests of every operation to a service'
	@echo 'make crash N=500     so many kills and restarts'
	@echo 'make strength        a service under strain: connections, slow clients, a full disk, stops, kills'
	@echo 'make docs            write the generated parts of docs/ and the JSON Schema anew'
	@echo 'make vendor          make what others made for the pages anew, from npm at pinned versions'
	@echo 'make lock            resolve the lock files anew (needs uv)'
	@echo 'make clean           remove everything that these commands made, .venv included'

demo: .venv/.runtime
	@$(BIN)/overtide demo

test: check .venv/client/.installed .venv/identity_server/.installed .venv/pages/.installed odata-clients
	$(BIN)/python -m pytest

long: check .venv/client/.installed .venv/identity_server/.installed .venv/pages/.installed odata-clients
	$(BIN)/python -m pytest -m long

check: .venv/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict

bench: .venv/.development
	$(BIN)/python -m benchmarks.run --people $(PEOPLE)

fuzz: .venv/.development
	$(BIN)/python -m tests.fuzz $(N)

crash: .venv/.development
	$(BIN)/python -m tests.crash $(N)

strength: .venv/.development
	$(BIN)/python -m tests.service_strength

fuzz-api: .venv/.development .venv/schemathesis/.installed
	$(BIN)/python -m tests.api_fuzz $(N)

.venv/schemathesis/.installed: tests/schemathesis.lock | .venv/bin/python
	@$(BIN)/python -m venv .venv/schemathesis
	@.venv/schemathesis/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

docs: .venv/.development
	$(BIN)/python -m tests.reference

vendor: .venv/.development .venv/node/.installed
	$(WITH_NODE) $(BIN)/python -m tests.vendored

.venv/client/.installed: tests/published_client.lock | .venv/bin/python
	@$(BIN)/python -m venv .venv/client
	@.venv/client/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

odata-clients: .venv/odata-python/.installed .venv/odata-node/.installed .venv/odata-java/.installed

.venv/odata-python/.installed: tests/odata_clients/python.lock | .venv/bin/python
	@$(BIN)/python -m venv .venv/odata-python
	@.venv/odata-python/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# Node 20 or later of this machine, or else one from PyPI; where neither can be had its tests are skipped by name.
IDENTITY := tests/identity_server
WITH_NODE := PATH="$(CURDIR)/.venv/node/bin:$$PATH"
.venv/node/.installed: $(IDENTITY)/node.lock | .venv/bin/python
	@mkdir -p $(@D)
	@{ node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' && npm --version; } >/dev/null 2>&1 || \
	{ $(BIN)/python -m venv .venv/node && .venv/node/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<; } || true
	@touch $@

.venv/identity_server/.installed: $(wildcard $(IDENTITY)/*.json) .venv/node/.installed
	@mkdir -p $(@D) && cp $(IDENTITY)/*.json $(@D)
	@cd $(@D) && if $(WITH_NODE) npm ci --no-audit --no-fund --ignore-scripts --silent; then touch $(@F); \
	else echo 'Node cannot be had: the tests with a real identity server are skipped.'; fi

.venv/odata-node/.installed: tests/odata_clients/package.json tests/odata_clients/package-lock.json .venv/node/.installed
	@mkdir -p $(@D) && cp tests/odata_clients/*.json $(@D)
	@cd $(@D) && if $(WITH_NODE) npm ci --no-audit --no-fund --ignore-scripts --silent; then touch $(@F); \
	else echo 'Node cannot be had: the test with a client of OData for it is skipped.'; fi

.venv/pages/.installed: tests/pages/package.json tests/pages/package-lock.json .venv/node/.installed
	@mkdir -p $(@D) && cp tests/pages/*.json $(@D)
	@cd $(@D) && if $(WITH_NODE) npm ci --no-audit --no-fund --ignore-scripts --silent; then touch $(@F); \
	else echo 'Node cannot be had: the pages are not checked for accessibility.'; fi

# Without Java its test says that it is skipped.
.venv/odata-java/.installed: tests/odata_clients/pom.xml
	@mkdir -p .venv/odata-java
	@if command -v mvn >/dev/null; then mvn --quiet --batch-mode --file $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.venv/odata-java/lib || \
	{ rm -rf .venv/odata-java/lib; echo 'Maven could not: the test with a client of OData for Java is skipped.'; }; fi
	@touch $@

LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --quiet --extra client --extra dask --extra delta --extra iceberg --extra mysql --extra postgres --extra serve --group build

lock:
	$(LOCK) --upgrade --output-file requirements.lock
	$(LOCK) --upgrade --extra fast --extra otel --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 to 3.14 with venv is needed (on Debian: python3 and python3-venv), or' \
		'name one: make PYTHON=/path/to/python3.12 demo' >&2; exit 2; }
	@echo 'Setting up .venv from the lock files (a minute or two, only once) …'
	@$(PYTHON) -m venv .venv

.venv/.runtime: requirements.lock pyproject.toml setup.py | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -qq $(realpath $(wildcard overtide overtide/*/))
	@touch $@

.venv/.development: requirements-dev.lock .venv/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.lock
	@touch $@
