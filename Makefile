# What a developer types. `make help` lists it.
#
# PYTHON=...  the interpreter that .venv is made with: 3.11, 3.12 or 3.13
# MODELS=...  what `make serve` serves
# ARGS=...    more arguments for `make serve`, `make test` and `make fuzz`

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup serve test check fix bench docs fuzz lock system clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
COMPILED := $(or $(wildcard headrace/batching/decisions__mypyc.*.so),headrace/batching/decisions__mypyc)
MODELS ?= models
ARGS ?=
UV ?= uv

export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# Compiled once, also where Python is told to write no bytecode: each start would compile all of it for half a second.
# So are the kernels for processors with tiles, where there is a C++ compiler, and what decides for each request, where
# there is a C compiler with Python's headers.
setup: $(READY) $(COMPILED) ## .venv from the lock file, and the demo models under models/
	@$(BIN)/python -m compileall -q headrace
	@$(BIN)/python -m headrace.kernels
	@if [ -f tools/place_models.py ]; then $(BIN)/python tools/place_models.py; fi

# Nothing is fetched that the lock file does not hold a hash for: headrace itself is built with the locked setuptools.
$(READY): requirements.lock pyproject.toml
	@PYTHON="$(PYTHON)" VENV=$(VENV) tools/make_venv.sh
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@HEADRACE_PURE=1 $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Beside the sources, which Python then passes over: tests refuse to run where one of these has changed since.
$(COMPILED): $(READY) setup.py pyproject.toml $(wildcard headrace/batching/*.py headrace/simulate/*.py)
	@echo "Compiling what decides for each request: half a minute, once, and whenever that has changed"
	@rm -f headrace/*/*.so
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch -c headrace/batching/decisions__mypyc.*.so

serve: setup ## the server on 127.0.0.1:8000, gRPC on 8001
	$(BIN)/headrace serve $(MODELS) $(ARGS)

test: setup system ## every test
	$(BIN)/python -m pytest $(ARGS)

check: $(READY) ## format, lint, types, layers, documentation; under a minute
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py tests/test_exports.py tests/test_docs.py

fix: $(READY) ## put right what the formatter and the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup ## every benchmark, one after another
	@for bench in benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python -m "benchmarks.$$(basename "$$bench" .py)"; done

docs: $(READY) ## does the documentation say what the code does?
	$(BIN)/python -m pytest tests/test_docs.py

fuzz: setup ## the fuzz tests, with 20,000 cases each
	$(BIN)/python -m pytest -m fuzz --hypothesis-profile=fuzz --timeout=3600 $(ARGS)

# Azure's storage service, as a program.
AZURITE := azurite@3.35.0

# What the environment has already is not fetched again for the tool that makes the demo models' variants.
THERE := numpy openvino-telemetry packaging rich safetensors markdown-it-py pygments mdurl

LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --universal --generate-hashes \
	--python-version 3.11 --no-emit-index-url --no-annotate

lock: ## requirements.lock anew from pyproject.toml, and tools/nncf.lock (needs uv)
	$(LOCK) --all-extras pyproject.toml --output-file requirements.lock
	$(LOCK) --constraint requirements.lock $(THERE:%=--no-emit-package %) tools/nncf.in --output-file tools/nncf.lock

system: ## Debian packages, and one of npm's, that a few tests use where they are installed; as root only
	@for wanted in promtool:prometheus chromedriver:chromium-driver docker-registry:docker-registry; do \
	  tool=$${wanted%%:*}; package=$${wanted##*:}; \
	  if command -v $$tool >/dev/null; then :; \
	  elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    (apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y $$package) \
	      >/dev/null 2>&1 || echo "$$tool could not be installed; the tests that need it are skipped"; \
	  else echo "$$tool is not here; the tests that need it are skipped (as root: make system)"; fi; \
	done
	@if command -v azurite-blob >/dev/null || ! command -v npm >/dev/null || [ "$$(id -u)" != 0 ]; then :; \
	elif ! npm install --global --silent --no-audit --no-fund $(AZURITE) >/dev/null 2>&1; then \
	  echo "azurite-blob could not be installed; the tests that need it are skipped"; fi

clean: ## what was made, the models excepted
	rm -rf $(VENV) build dist *.egg-info headrace/kernels/built .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -f headrace/*/*.so
