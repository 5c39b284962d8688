# Everything runs in one environment, .venv, made from constraints.txt. `make help` explains.
PYTHON ?= python3
BIN := .venv/bin
AUDIT := .venv-audit/bin
# One more than there are processors: some tests wait.
WORKERS = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
.DEFAULT_GOAL := help
.PHONY: help setup run generate test tests soak check bench audit fix lock requirements clean

help: ## show what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.ready ## make the environment .venv with the locked dependencies

.venv/.ready: constraints.txt setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is not Python 3.11 or later, which is needed. Run: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[generate,live,pictures,local,dev]'
	@touch $@

# checkov pins a botocore of 2024, so the auditors live in an environment of their own.
.venv-audit/.ready: audit-constraints.txt
	$(PYTHON) -m venv .venv-audit
	$(AUDIT)/pip install --quiet --disable-pip-version-check -r audit-constraints.txt
	@touch $@

run: setup ## the main job: generate, embedded AWS, change set, diff, execution, verification
	$(BIN)/python -m workerstack.localaws.walkthrough

generate: setup ## build and lint every worker's template, and write out/
	$(BIN)/python generate.py

test: setup .venv-audit/.ready ## everything that CI runs: all tests, lint, types, out/ current, audits
	@$(MAKE) --no-print-directory --jobs 2 check tests

tests: setup .venv-audit/.ready
	AUDIT_BIN=$(AUDIT) $(BIN)/python -m tests.in_memory $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q --durations 5

soak: setup ## what is too long for each commit: 500 deployments, every kill, many more made-up examples
	$(BIN)/python -m bench deployments
	SOAK=1 $(BIN)/python -m tests.in_memory $(BIN)/pytest -n 2 --dist load -m soak -q

check: setup ## format, lint, types, and that out/ is current
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy .
	$(BIN)/python generate.py --check

audit: setup .venv-audit/.ready ## parliament on policies, checkov on templates, zizmor and actionlint on workflows
	AUDIT_BIN=$(AUDIT) $(BIN)/pytest -q tests/test_audit.py

bench: setup ## measure what takes seconds; `python -m bench NAME` for the rest
	$(BIN)/python -m bench

fix: setup ## format the code and fix what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## take the newest versions of all dependencies into constraints.txt and requirements/
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check -e '.[generate,live,pictures,local,dev]'
	{ head -1 constraints.txt; .venv-lock/bin/pip freeze --exclude-editable; } > constraints.new
	mv constraints.new constraints.txt
	$(MAKE) requirements
	$(BIN)/python -m workerstack.lint.provider_schemas

requirements: ## lock with hashes what the workflows install, in the versions of constraints.txt
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check uv
	for each in execute predict; do \
	  .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --constraints constraints.txt \
	    --output-file requirements/$$each.txt requirements/$$each.in || exit 1; \
	done
	rm -rf .venv-lock

clean: ## remove the environments and caches
	rm -rf .venv .venv-audit .cache .reviews .mypy_cache .pytest_cache .ruff_cache .hypothesis
