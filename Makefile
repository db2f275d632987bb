# Each target sets itself up from a bare clone: Python 3.11 or later and make are enough.
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo check test lint clean

demo: $(VENV)/run
	$(BIN)/popbridge demo

check: lint
	$(BIN)/pytest -q -m "not slow and not e2e"

test: lint
	$(BIN)/pytest -q

lint: $(VENV)/test
	$(BIN)/ruff check bridge tests
	$(BIN)/ruff format --check bridge tests
	$(BIN)/mypy

$(VENV)/run: pyproject.toml
	@test -n "$(PYTHON)" || { echo "popbridge needs Python 3.11 or later: install it and run make again."; exit 69; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	touch $@

$(VENV)/test: $(VENV)/run
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .[test]
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
