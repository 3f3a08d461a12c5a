# Every target can be called first, and again. `make run PORT=8001 DATA_DIR=…` and the like are passed on.
PYTHON ?= python3
BIN := .venv/bin
STACK := $(BIN)/python -m config.stack
# Where it is set each process compiles Django anew: three seconds instead of a half.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help run demo test chaos lint bench lock migrations messages clean venv
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: venv ## the whole stack at http://127.0.0.1:8000 (PORT), until Ctrl-C
	@$(STACK) run

demo: venv ## 1,000 messages through a stack of its own, from the upload to the result
	@$(STACK) demo

test: venv ## the test suite, on all cores
	$(BIN)/pytest -n logical --dist loadgroup

chaos: venv ## the engine under kills, freezes and a bad gateway, ten minutes of it
	$(BIN)/pytest tests/chaos --chaos-full

lint: venv ## style, types, layers, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(STACK) exec -- $(BIN)/python manage.py makemigrations --check --dry-run

bench: venv ## the benchmarks, with their table
	$(STACK) exec -- $(BIN)/python -m tests.bench

migrations: venv ## write the migrations that the models ask for: make migrations APP=jobs NAME=add_title
	$(STACK) exec -- $(BIN)/python manage.py makemigrations $(APP) $(if $(NAME),--name $(NAME))

messages: venv ## collect the texts to translate and compile the translations
	$(BIN)/python -m config.translations

# No address of an index and no local path gets into a lock.
LOCK = .tools/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock: venv ## renew requirements*.lock: make lock UPGRADE=1 for newer versions
	$(LOCK) $(if $(UPGRADE),--upgrade) --group embedded --output-file requirements.lock
	$(LOCK) $(if $(UPGRADE),--upgrade) --group embedded --group dev --output-file requirements-dev.lock

clean: ## remove .venv, caches and the test data; the stack's own data stays
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .data/test* .data/demo

venv:
	@$(PYTHON) -I config/stack/make_venv.py
