# Every target is listed by `make help`. The first run sets everything up; later runs find it cached.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 3

.PHONY: help setup check format test test-deep test-fast sandbox sandbox-up sandbox-down status clean

help: ## List every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed; set PYTHON=/path/to/it"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "error: Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "setting up the Python environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@install -m 755 deploy/image/tokens $(BIN)/tokens
	@touch $@

setup: $(VENV)/.ready ## Set up the Python environment, the Pulumi CLI and the sandbox's servers
	@$(BIN)/python -m toolchain install

check: $(VENV)/.ready ## Lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .

format: $(VENV)/.ready ## Rewrite the code in the project's format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

test: setup check ## Set-up, lint, types and all tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-deep: setup check ## All tests, with External Secrets, more kills, every scenario and cell on the real CLI (about an hour)
	@$(BIN)/python -m toolchain install --only external-secrets
	@DEEP=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-fast: $(VENV)/.ready ## Tests that start no server and no CLI
	@$(BIN)/python -m pytest -q tests/policy tests/architecture tests/components tests/toolchain

sandbox: setup ## Play the whole life of four tokens with the real CLI against a local world
	@$(BIN)/python -m sandbox story

sandbox-up: setup ## Start the local world and leave it running, with commands to try
	@$(BIN)/python -m sandbox up

sandbox-down: $(VENV)/.ready ## End the local world and remove it
	@$(BIN)/python -m sandbox down

status: $(VENV)/.ready ## Show which tools are here, and where each came from
	@$(BIN)/python -m toolchain status

clean: ## Remove the Python environment and the caches of the tests (not the built tools)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: dashboard
dashboard: setup ## Draw docs/dashboard.png from a real Prometheus's answers to the dashboard's queries
	@$(BIN)/python -m tests.monitoring.draw

.PHONY: mutation
mutation: $(VENV)/.ready ## The mutation score of the policy core, and which changes no test noticed
	@$(BIN)/python -m tests.policy.mutation

.PHONY: fault-matrix
fault-matrix: $(VENV)/.ready ## Every act under every fault, with what became of it; writes docs/fault-matrix.md
	@$(BIN)/python -m simulator.fault_matrix --write

SEEDS ?= 1000
.PHONY: simulate simulate-full
simulate: $(VENV)/.ready ## Three years of a few scenarios with faults, in seconds; SEED=N starts elsewhere
	@$(BIN)/python -m simulator --seed $(or $(SEED),1) --seeds 20 --workers $(WORKERS)

simulate-full: $(VENV)/.ready ## 1,000 scenarios of 3 years and 20 tokens with faults: the counts and the rate
	@$(BIN)/python -m simulator --seed $(or $(SEED),1) --seeds $(SEEDS) --workers $(WORKERS)
