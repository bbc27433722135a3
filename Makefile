# `make` alone shows what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := build/venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
SCENARIOS ?= dedicated multi_tenant

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1|/' | while IFS='|' read -r target text; do printf '  make %-16s %s\n' "$$target" "$$text"; done

.PHONY: prepare
prepare:
	@tests/lab/prepare

.PHONY: quickstart
quickstart: prepare ## an estate on lab hosts, from nothing to logged-in tenants; again: mends it, changes nothing
	@PYTHONPATH=build/collections:tests $(BIN)/python tests/lab/quickstart.py

.PHONY: quickstart-down
quickstart-down: ## removes the quickstart estate: hosts, network, everything under build/quickstart
	@LAB_NAME=quickstart tests/lab/lab down
	@rm -rf build/quickstart build/quickstart.* build/quickstart-*

.PHONY: demo-wave
demo-wave: prepare ## legacy databases move to an estate while their users work, and one moves back; build/wave.json
	@PYTHONPATH=build/collections:tests $(BIN)/python tests/lab/demo_wave.py

.PHONY: demo-wave-down
demo-wave-down: ## removes what demo-wave made
	@LAB_NAME=waves tests/lab/lab down
	@rm -rf build/waves build/waves-* build/wave.json build/wave.log

.PHONY: try-quickstart
try-quickstart: prepare
	@tests/lab/try-quickstart $(ARGS)

.PHONY: try-demo-wave
try-demo-wave: prepare
	@tests/lab/try-demo-wave tests/integration/wave_estate/test_after_commit.py

.PHONY: try-wave-faults
try-wave-faults: prepare ## demo-wave, then one more move whose runs are killed and whose hosts die
	@tests/lab/try-demo-wave tests/integration/wave_estate

.PHONY: try-discovery
try-discovery: prepare ## wave_discover against the lab's legacy hosts
	@tests/lab/try-hosts legacy discovery

.PHONY: try-waves
try-waves: prepare ## members between a legacy host and a database host, and back; ARGS="-k name" for some
	@tests/lab/try-hosts movers waves $(ARGS)

.PHONY: try-wave-landing
try-wave-landing: prepare
	@tests/lab/try-hosts movers waves -m landing

.PHONY: try-redis
try-redis: prepare ## Redis and its Sentinels on three hosts: who may do what, and hosts that die
	@tests/lab/try-hosts redis redis

.PHONY: test
test: ## everything below that can fail; what .ci/run runs
	@tests/lab/stages lint unit sanity docs-check try-quickstart $(SCENARIOS:%=scenario-%) try-demo-wave \
	    try-discovery try-wave-landing try-redis

.PHONY: lint
lint: prepare ## ruff, mypy, shellcheck, ansible-lint (production profile)
	@tests/lab/lint

.PHONY: unit
unit: prepare ## unit tests; ARGS="-k name" for some
	@$(BIN)/pytest tests/unit $(ARGS)

.PHONY: sanity
sanity: prepare ## ansible-test sanity, on a clean copy of what git tracks
	@tests/lab/sanity $(ARGS)

.PHONY: scenario
scenario: prepare ## one molecule scenario: NAME=multi_tenant; ACTION=converge for a part
	@tests/lab/scenario $(or $(NAME),quickstart) $(ACTION)

scenario-%: prepare
	@tests/lab/scenario $*

.PHONY: integration
integration: prepare ## integration tests against a lab that is up: NAME=quickstart, ARGS="-k name"
	@tests/lab/integration $(or $(NAME),quickstart) $(ARGS)

.PHONY: bench
bench: prepare ## comparisons with other ways to do the same; build/bench.json
	@$(BIN)/python benchmarks/run.py $(ARGS)

.PHONY: docs
docs: prepare ## pages of modules and roles, generated from their specs
	@$(BIN)/python docs/generate.py

.PHONY: docs-check
docs-check: prepare ## that the generated pages are those of today's specs
	@$(BIN)/python docs/generate.py --check

.PHONY: build
build: prepare ## the collection's archive, in build/
	@$(BIN)/ansible-galaxy collection build --force --output-path build

.PHONY: clean
clean: ## removes what is built here, but for a running quickstart; the cache stays
	@find build -mindepth 1 -maxdepth 1 ! -name 'quickstart*' -exec rm -rf {} +
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .ansible tests/output
