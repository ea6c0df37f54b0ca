# Everything here installs what it needs by itself, into .venv, with plain python3 and pip.
#   make PYTHON=python3.12 …    another interpreter
#   make VENV=~/envs/carving …  another virtual environment

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.carving-installed
# one process a core, each with one thread (tests/conftest.py)
WORKERS ?= auto
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help install check lint types layers format test test-data test-slow bench docs demo clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 18

install: $(INSTALLED)  ## virtual environment with carving, its tests' and its docs' tools

# One single installation with the constraints, so that torch is the pinned one from the start and no other
# package can pull in a newer and larger build before.
$(INSTALLED): pyproject.toml setup.py constraints.txt carving/units/_sweep.cpp
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "carving needs Python 3.11 or newer; say which with: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e '.[test,docs]'
	touch $@

check: lint types layers  ## ruff, pyright, import-linter

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/pyright --pythonpath $(BIN)/python

layers: $(INSTALLED)
	$(BIN)/lint-imports

format: $(INSTALLED)  ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: check  ## the checks, then the tests of a few minutes
	$(PYTEST) -m 'not slow and not data'

test-data: $(INSTALLED)  ## the tests on real data, found through CARVING_SHARED (default ../shared)
	$(PYTEST) -m 'data and not slow'

test-slow: $(INSTALLED)  ## the tests that take minutes each
	$(PYTEST) -m slow

bench: $(INSTALLED)  ## the benchmarks, one after the other
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

docs: $(INSTALLED)  ## docs/_build/html/index.html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

demo: $(INSTALLED)  ## a tree of handwritten digits in demo/, in about a minute
	$(BIN)/carve demo -o demo/ --force

clean:  ## away with everything that can be made again
	rm -rf $(VENV) build dist demo docs/_build docs/generated *.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find carving cli tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
	rm -f carving/units/*.so
