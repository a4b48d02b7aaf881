# What a person or CI does with this project. Each target works from a clean clone.
# `make PYTHON=/path/to/python3.12 setup` chooses another interpreter.

BIN := .venv/bin
READY := .venv/.ready
CANDIDATES := $(PYTHON) python3.11 python3 python3.12 python3.13
LISTEN := 127.0.0.1:8443
DATA := data
SECONDS := 60

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: help setup up check test interop peers fuzz soak bench clean

help:
	@echo "make setup    the environment in .venv"
	@echo "make up       a whole system on $(LISTEN): proxy, mapper, address book, Autodiscover, demo"
	@echo "make check    format, lint, types, layers, mirror, addresses"
	@echo "make test     every test that needs no system package"
	@echo "make interop  install the real peers (Debian, as root) and test against them"
	@echo "make fuzz     fuzz every parser, SECONDS=$(SECONDS) each"
	@echo "make soak     a gibibyte each way through proxies that come and go"
	@echo "make bench    compare with direct calls and with HAProxy; read large address books"
	@echo "make clean    remove everything that was made"

setup: $(READY)

# The stamp is younger than what the environment is made from, so a repeated setup costs nothing.
$(READY): pyproject.toml constraints.txt tools/make_venv.sh
	@sh tools/make_venv.sh .venv $(CANDIDATES)
	@touch $(READY)

up: $(READY)
	$(BIN)/rpch up --listen $(LISTEN) --data $(DATA)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tools.check_mirror
	$(BIN)/python -m tools.check_sizes
	$(BIN)/python -m tools.check_addresses

test: $(READY)
	$(BIN)/pytest -n 2 -m "not interop" --conformance=docs/conformance.md

peers: $(READY)
	@sh tools/install_peers.sh
	@$(BIN)/python -c 'import bonsai, gssapi, krb5' 2>/dev/null || \
		$(BIN)/python -m pip install -qq --no-input --constraint constraints.txt --editable '.[kerberos,ldap]'

interop: $(READY) peers
	$(BIN)/pytest -m interop tests/interop
	$(BIN)/python -m tools.fuzz --seconds 4

fuzz: $(READY)
	$(BIN)/python -m tools.fuzz --seconds $(SECONDS)

soak: $(READY) peers
	$(BIN)/python -m tools.soak

# `make bench JSON=figures.json` keeps the figures.
bench: $(READY) peers
	$(BIN)/python -m benchmarks $(if $(JSON),--json $(JSON))
	$(BIN)/python -m benchmarks.address_book $(if $(JSON),--json $(basename $(JSON))-address-book.json)

clean:
	rm -rf .venv build dist data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
