SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo start test lint torture bench

VENV := .venv
STRIPE_MOCK := stripe-stateful-mock@0.0.16
BIN := $(VENV)/bin
INPUTS := pyproject.toml deploy/constraints.txt
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint deploy/constraints.txt

help:
	@echo "make demo    set everything up, run a real order from POST to live, and stay up (ARGS=--once ends)"
	@echo "make start   start the whole stack: PostgreSQL, Temporal, sandbox, worker, API and console"
	@echo "make test    format check, lint, types, import rules and every test, on the real parts (three at a time; ARGS='-n 0' one)"
	@echo "make torture break every part of it at every step and judge from outside (ARGS='--cases 400 --seed 1')"
	@echo "make bench   measure it against the least that could do the same (ARGS=--quick for some minutes of it)"
	@echo "make lint    what of that needs no running part"

demo: $(VENV)/runtime.stamp
	@$(BIN)/turnup demo $(ARGS)

start: $(VENV)/runtime.stamp
	@$(BIN)/turnup start $(ARGS)

# The suite starts the product's processes some hundred times; a start that finds its modules compiled takes half as long.
# Three at a time keep two cores busy: tests that kill and start processes wait much of their time.
test: export PYTHONDONTWRITEBYTECODE :=
test: lint $(VENV)/peers.stamp
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run $(BIN)/ruff format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

torture: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.reliability.torture $(ARGS)

bench: $(VENV)/runtime.stamp
	@$(BIN)/python -m tests.bench $(ARGS)

$(VENV)/bin/python:
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		$$python -m venv $(VENV) >/dev/null 2>&1 && exit 0; \
		rm -rf $(VENV); echo "$$python cannot make a virtual environment: install its venv package (on Debian: apt install python3-venv)" >&2; exit 1; \
	done; echo "Python 3.11 or newer is needed, and no python3 of that age is on the PATH" >&2; exit 1

$(VENV)/runtime.stamp: $(INPUTS) | $(VENV)/bin/python
	@echo "Installing (once) …"
	@$(PIP) --editable .
	@touch $@

$(VENV)/dev.stamp: $(INPUTS) | $(VENV)/bin/python
	@echo "Installing with the tools for tests (once) …"
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/runtime.stamp $@

# A peer of the tests that pip does not bring: without npm its tests are left out, and named at the end.
$(VENV)/peers.stamp: Makefile | $(VENV)/dev.stamp
	@command -v npm >/dev/null || exit 0; \
		npm install --prefix $(VENV) --no-audit --no-fund --loglevel=error $(STRIPE_MOCK) >/dev/null && touch $@ || \
		echo "npm could not install $(STRIPE_MOCK)" >&2
