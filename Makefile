# Anju. `make demo` builds the invented city and serves it; `make test` runs every test.
# Both need Python 3.11 or newer and nothing else.

PYTHON ?= python3
PEOPLE ?= 20000
DAYS ?= 3
BIN := .venv/bin

.PHONY: setup demo serve test check audit sbom fix bench lock browser clean help

help: ## say what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: .venv/dev.done ## install everything a developer needs

demo: .venv/run.done ## build the invented city of $(PEOPLE) people and serve it
	ANJU_DEMO=1 $(BIN)/anju demo --people $(PEOPLE) --days $(DAYS)

serve: .venv/run.done ## serve the pages and the API
	$(BIN)/anju serve

test: .venv/dev.done browser ## run every test
	$(BIN)/pytest -n $${TEST_WORKERS:-2} --dist loadgroup

check: .venv/dev.done ## lint, types, import direction, migrations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy
	ANJU_HOME=.cache/check $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python .ci/supply_chain.py secrets

audit: .venv/dev.done ## ask whether a locked package has a known hole
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python .ci/supply_chain.py audit

sbom: ## write the bill of materials (CycloneDX) to build/sbom.cdx.json
	$(PYTHON) .ci/supply_chain.py sbom build/sbom.cdx.json

fix: .venv/dev.done ## mend what a machine can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/dev.done ## measure; see docs/benchmarks.md
	$(BIN)/anju bench all

lock: .venv/uv.done ## write the lock files anew from pyproject.toml and package.json
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements/run.lock
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header -c requirements/run.lock --extra dev --extra spark --extra national pyproject.toml -o requirements/dev.lock

# The browser for the journeys: Debian's chromium, where it can be installed; else the journeys say so and skip.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	 { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	   DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } || \
	 echo "No chromium here and none could be installed: the browser journeys will be skipped."

.venv/uv.done: requirements/bootstrap.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@touch $@

.venv/run.done: .venv/uv.done requirements/run.lock pyproject.toml package-lock.json
	@if [ ! -e .venv/dev.done ]; then $(BIN)/uv pip sync -q --compile-bytecode --require-hashes requirements/run.lock; fi
	$(BIN)/uv pip install -q --no-deps --compile-bytecode -e .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --omit=dev --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

.venv/dev.done: .venv/uv.done requirements/dev.lock pyproject.toml package-lock.json
	$(BIN)/uv pip sync -q --compile-bytecode --require-hashes requirements/dev.lock
	$(BIN)/uv pip install -q --no-deps --compile-bytecode -e .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --omit=dev --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@ .venv/run.done

clean: ## remove what was installed and built here (never the data in ANJU_HOME)
	rm -rf .venv node_modules .cache build
