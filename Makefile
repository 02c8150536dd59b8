# Parley. `make` lists what there is.
#
# Each step leaves a stamp in .venv named after the hash of what it was made from, so the next run skips it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check
# A machine that is told to keep no bytecode would compile tests and package anew in each process of pytest, and in each
# gateway, worker and api that a test starts.
export PYTHONDONTWRITEBYTECODE :=
hash = $(shell cat $(1) 2>/dev/null | sha256sum | cut -c1-12)

NATIVE_SOURCES := $(sort $(shell find gateway/sip/native -type f -not -name '*.pyc' 2>/dev/null))
PEER_SOURCES := $(sort $(wildcard tests/peers/*.py))

SYSTEM_STAMP := $(VENV)/.stamp-system-$(call hash,deploy/system.sh)
RUNTIME_STAMP := $(VENV)/.stamp-runtime-$(call hash,requirements.txt requirements-build.txt pyproject.toml)
NATIVE_STAMP := $(VENV)/.stamp-native-$(call hash,$(NATIVE_SOURCES))
MODELS_STAMP := $(VENV)/.stamp-models-$(call hash,gateway/models/catalogue.py)
PROVIDERS_STAMP := $(VENV)/.stamp-providers-$(call hash,requirements-providers.txt)
DEV_STAMP := $(VENV)/.stamp-dev-$(call hash,requirements-dev.txt)
PEERS_STAMP := $(VENV)/.stamp-peers-$(call hash,$(PEER_SOURCES))

.PHONY: help run setup providers test lint types pytest proto lock interop bench clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-9s %s\n", $$1, $$2}'

run: setup ## Get this machine ready if it is not, and answer calls.
	@exec $(VENV)/bin/parley serve

setup: $(NATIVE_STAMP) $(MODELS_STAMP) ## Get this machine ready to run: packages, SIP stack, models.

providers: setup $(PROVIDERS_STAMP) ## The packages of all providers, for transcribers, models and voices with a key.

test: setup $(DEV_STAMP) $(PEERS_STAMP) ## Everything that a change must pass: style, types, tests.
	@$(MAKE) lint
	@$(MAKE) -j 2 types pytest # types compute while the first tests wait

lint: $(DEV_STAMP) ## Style.
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .

types: $(DEV_STAMP) ## Types.
	@$(VENV)/bin/mypy

# Nearly all tests wait for the clock most of the time, so more of them run side by side than there are cores; calls on the
# wire three by three, and those that measure time there have the machine to themselves.
ON_THE_WIRE := tests/sip tests/interop
SIDE_BY_SIDE := -q --dist loadfile --no-loadscope-reorder

pytest: $(DEV_STAMP) ## Tests; choose with ARGS="tests/config -x".
ifdef ARGS
	@$(VENV)/bin/pytest $(ARGS)
else
	@$(VENV)/bin/pytest -n 6 $(SIDE_BY_SIDE) $(addprefix --ignore ,$(ON_THE_WIRE))
	@$(VENV)/bin/pytest -n 3 $(SIDE_BY_SIDE) -m "not alone" $(ON_THE_WIRE)
	@$(VENV)/bin/pytest -m alone $(ON_THE_WIRE)
endif

# The exit status is the matrix's; pytest's own only where it could not run the tests (2 and above).
MATRIX := $(VENV)/matrix
ran = || { status=$$?; [ $$status -eq 1 ] || exit $$status; }

interop: setup $(DEV_STAMP) $(PEERS_STAMP) ## The matrix of interoperability: scenario, peer, transport, PASS or FAIL. Takes long.
	@rm -rf $(MATRIX); mkdir -p $(MATRIX)
	@$(VENV)/bin/pytest -n 3 $(SIDE_BY_SIDE) --long --matrix=$(MATRIX)/side-by-side -m "scenario and not alone" $(ran)
	@$(VENV)/bin/pytest -q --long --matrix=$(MATRIX)/alone -m "scenario and alone" $(ran)
	@$(PYTHON) -m tests.matrix $(MATRIX)/side-by-side $(MATRIX)/alone

bench: setup $(DEV_STAMP) $(PEERS_STAMP) ## Measure speed and capacity on this machine, and write docs/benchmarks. Wants the machine to itself, for about 20 minutes.
	@$(PYTHON) -m bench --all --publish docs/benchmarks capacity setup_rate memory overhead

proto: $(DEV_STAMP) ## Generate the code of proto/.
	PATH=$(CURDIR)/$(VENV)/bin:$$PATH $(PYTHON) -m grpc_tools.protoc -I proto --python_out=. --mypy_out=. --grpc_python_out=. --mypy_grpc_out=. proto/gateway/link/v1/link.proto proto/gateway/plane/v1/plane.proto

LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock"

lock: ## Choose new versions of all dependencies (UPGRADE=--upgrade) and pin them by hash.
	$(LOCK) $(UPGRADE) pyproject.toml --all-extras -o requirements-providers.txt
	$(LOCK) $(UPGRADE) pyproject.toml -c requirements-providers.txt -o requirements.txt
	$(LOCK) $(UPGRADE) --group build -o requirements-build.txt
	$(LOCK) $(UPGRADE) pyproject.toml --all-extras --group dev --group build -c requirements-providers.txt -c requirements-build.txt -o requirements-dev.txt

clean: ## Remove what make made; the build caches of ~/.cache/parley stay.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

# ---------------------------------------------------------------- steps

$(SYSTEM_STAMP):
	@deploy/system.sh $(VENV)
	@rm -f $(VENV)/.stamp-system-*; touch $@

$(RUNTIME_STAMP): | $(SYSTEM_STAMP)
	@echo "Installing Python packages into $(VENV) …"
	@$(PIP) install -qq --require-hashes -r requirements.txt -r requirements-build.txt
	@$(PIP) install -qq --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.stamp-runtime-*; touch $@

$(NATIVE_STAMP): | $(RUNTIME_STAMP)
	@$(VENV)/bin/parley setup --no-models
	@rm -f $(VENV)/.stamp-native-*; touch $@

$(MODELS_STAMP): | $(RUNTIME_STAMP)
	@$(VENV)/bin/parley setup --no-native
	@rm -f $(VENV)/.stamp-models-*; touch $@

$(PROVIDERS_STAMP): | $(RUNTIME_STAMP)
	@echo "Installing the packages of all providers into $(VENV) …"
	@$(PIP) install -qq --require-hashes -r requirements-providers.txt
	@rm -f $(VENV)/.stamp-providers-*; touch $@

$(DEV_STAMP): | $(RUNTIME_STAMP)
	@echo "Installing development tools into $(VENV) …"
	@$(PIP) install -qq --require-hashes -r requirements-dev.txt
	@rm -f $(VENV)/.stamp-dev-*; touch $@

$(PEERS_STAMP): | $(DEV_STAMP)
	@$(PYTHON) -m tests.peers.setup
	@rm -f $(VENV)/.stamp-peers-*; touch $@
