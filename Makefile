# `make` alone prints this help.
SHELL := /bin/bash
V := .venv
PY := $(V)/bin/python
ARGS ?=
.DEFAULT_GOAL := help
.PHONY: help demo serve doctor test check format types imports test-faults conformance lock vendor goldens clean

##@ Start
demo: $(V)/.ok  ## play one payment outage from first failure to proven recovery (ARGS="--headless --auto-approve --json")
	@$(V)/bin/tillwatch demo $(ARGS)

serve: $(V)/.ok  ## run the service on 127.0.0.1:8080 (ARGS="--data-dir D --port P")
	@$(V)/bin/tillwatch serve $(ARGS)

doctor: $(V)/.ok  ## say what is configured, what is missing, and the next step
	@$(V)/bin/tillwatch doctor $(ARGS)

##@ Check
test: check  ## lint, types, layers and the whole test suite (ARGS="-k name")
	@$(PY) -m pytest -n 2 -m "not faults" $(ARGS)

check: $(V)/.ok  ## lint, types and layers only
	@$(V)/bin/ruff check .
	@$(V)/bin/ruff format --check .
	@$(V)/bin/mypy
	@$(V)/bin/lint-imports

test-faults: $(V)/.ok  ## long fault and load runs
	@$(PY) -m pytest -m faults $(ARGS)
	@$(PY) -m pytest tests/collector/fuzzing --hypothesis-profile long --timeout 3000 $(ARGS)

conformance: $(V)/.ok  ## run the sentences of OTLP and CloudEvents against ours and rotel, write docs/conformance.md
	@$(PY) -m tests.collector.conformance.scorecard

##@ Data
goldens: $(V)/.ok  ## write the golden files anew (look at the diff before you commit)
	@TILLWATCH_WRITE_GOLDENS=1 $(PY) -m pytest -m "not faults" -k golden $(ARGS)

##@ Ship
format: $(V)/.ok  ## format the code
	@$(V)/bin/ruff check --fix-only -q .
	@$(V)/bin/ruff format -q .

lock: $(V)/.ok  ## resolve requirements.lock anew (needs uv on the PATH)
	@deploy/lock.sh

vendor:  ## fetch the web assets named in dashboards/static/vendor/manifest.json again and check their hashes
	@deploy/vendor.sh

clean:  ## remove what the Makefile made
	@rm -rf $(V) .mypy_cache .ruff_cache .hypothesis

$(V)/.ok: requirements.lock pyproject.toml
	@echo "setting up $(V) (about a minute, once)" >&2
	@python3 -m venv $(V)
	@$(V)/bin/pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(V)/bin/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@$(V)/bin/pip check -q
	@$(PY) -m compileall -q access app audit collector dashboards kernel runbooks slo triage
	@touch $@

help:
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*##/ {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
