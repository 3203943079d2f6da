# Everything from plain Python: a virtual environment in .venv, nothing global.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PORT ?= 8080
BIN := .venv/bin
# The suite starts hundreds of processes: each would compile every module again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: serve test test-all lowest storm answers growth mutants check bench bench-scale bench-pages generate record lock clean

serve: .venv/run ## set-up, a demo database if there is none, and the server
	@exec $(BIN)/waypost serve --demo --port $(PORT) --log waypost-requests.log

test: check .venv/browser .venv/nginx ## everything that must be green
	$(BIN)/python -m pytest -n 4 --dist worksteal  # much of it waits for processes; who is done takes over from others

LONG := --timeout 1800  # seconds for each test

test-all: test ## and what takes longer: thousands of reads of each kind, 100 kills, 5,000 requests to each of two bad suppliers
	WAYPOST_READS=3000 $(BIN)/python -m pytest $(LONG) tests/fault/test_plain_reads.py
	WAYPOST_KILLS=100 $(BIN)/python -m pytest $(LONG) tests/fault/test_kill.py
	WAYPOST_RACE=1000 $(BIN)/python -m pytest $(LONG) tests/fault/test_race.py tests/fault/test_feed_race.py
	WAYPOST_MACHINE=10 $(BIN)/python -m pytest $(LONG) tests/property/test_orders_machine.py
	WAYPOST_RESTARTS=6 $(BIN)/python -m pytest $(LONG) tests/fault/test_webhook_restarts.py
	WAYPOST_MUTATED=100000 WAYPOST_MUTATED_SEED=2 $(BIN)/python -m pytest $(LONG) tests/hostile/test_mutated.py
	WAYPOST_AXE=all $(BIN)/python -m pytest -n 2 $(LONG) tests/e2e/test_reference_axe.py
	WAYPOST_REVERSED=1 $(BIN)/python -m pytest -n 2 -k "not postgresql" tests/app tests/domain tests/http tests/wire tests/storage tests/delivery tests/events tests/cli
	$(MAKE) lowest
	$(MAKE) storm answers
	$(MAKE) growth
	$(MAKE) mutants

LOWEST := tests/server tests/hostile tests/http tests/wire tests/cli tests/storage tests/delivery tests/events tests/fault/test_kill.py

lowest: .venv/browser .venv/nginx ## the main tests with the lowest versions that pyproject.toml allows
	$(BIN)/python scripts/lowest-versions .venv/lowest
	.venv/lowest/bin/python scripts/link-source
	.venv/lowest/bin/python -m pytest -n 3 --dist worksteal -p no:cacheprovider --deselect tests/http/test_schemathesis.py $(LOWEST)

storm: .venv/dev ## 5,000 requests to a supplier that misbehaves, while workers are killed
	WAYPOST_STORM=5000 $(BIN)/python -m pytest $(LONG) tests/fault/test_supplier_storm.py

answers: .venv/dev ## 5,000 requests to a supplier whose answers are generated, while workers are killed
	WAYPOST_ANSWERS=5000 $(BIN)/python -m pytest $(LONG) tests/fault/test_generated_answers.py

growth: .venv/dev ## what each operation costs at two sizes, in every mode; writes the table of docs/reference/growth.md
	$(BIN)/python -m tests.growth --write
	$(BIN)/python -m tests.growth --large 50000
	WAYPOST_GROWTH=all $(BIN)/python -m pytest $(LONG) tests/growth -k seems_large

mutants: .venv/dev ## break the source in many small ways, each of which a test must notice
	$(BIN)/python -m tests.mutants

check: .venv/dev ## lint, types, import contracts, generated files
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate --check

bench: .venv/dev ## measure against the limits and a conventional build, and how long long work holds up others
	$(BIN)/python -m bench
	$(BIN)/python -m bench.stalls

bench-scale: .venv/dev ## the same calls on ten thousand and on a million requests, both engines
	$(BIN)/python -m bench.scale

bench-pages: .venv/dev .venv/browser ## bytes and first content of pages, in a browser with a slow CPU
	$(BIN)/python -m bench.pages

generate: .venv/dev ## renew what is made from the code and the contract
	$(BIN)/python scripts/generate

record: .venv/dev ## run the examples of the reference, keep their replies, and renew the pages
	$(BIN)/python scripts/record
	$(BIN)/python scripts/generate

lock: .venv/dev ## renew the lock files
	scripts/lock

clean:
	rm -rf .venv

.venv/made:
	@test -n "$(PYTHON)" || { echo "Waypost needs Python 3.11 or newer, and found none." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/run: .venv/made requirements/run.txt
	@test -e .venv/dev || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python scripts/link-source
	@touch $@

.venv/dev: .venv/made requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python scripts/link-source
	@touch $@

.venv/browser: .venv/dev scripts/ensure-browser
	scripts/ensure-browser
	@touch $@

.venv/nginx: .venv/dev scripts/ensure-nginx
	scripts/ensure-nginx
	@touch $@
