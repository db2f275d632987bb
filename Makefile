# Each target sets itself up from a bare clone: Python 3.11 or later and make are enough.
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo check test lint docs mutations bench fuzz hammer soak hostile clean

demo: $(VENV)/run
	$(BIN)/popbridge demo

# Two at a time halves the wait on the smallest machines; more than four only fight for the disk.
PYTEST := $(BIN)/pytest -q -n auto --maxprocesses 4

check: lint
	$(PYTEST) -m "not slow and not e2e"

test: lint
	$(PYTEST)

lint: $(VENV)/test
	$(BIN)/ruff check bridge tests
	$(BIN)/ruff format --check bridge tests
	$(BIN)/mypy

# What is made of the code: run it after a change to bridge/errors.py.
docs: $(VENV)/run
	$(BIN)/python -m bridge.cli.errors_page docs/errors.md

# Takes the guard of each promise out, in a copy: the tests named must fail. `ONLY="promise 3"`.
ONLY :=

mutations: $(VENV)/test
	$(BIN)/python -m tests.mutations $(ONLY)

# `make bench SIZES="2000 20000" ROUNDS=5`: popbridge beside Dovecot, mpop and fetchmail, and a
# table. `PARTS="notify memory"` or `ONLY=SEARCH` for some of it, `OUT=docs/performance.md`.
SIZES := 2000 20000
ROUNDS := 5
PARTS :=
OUT :=

bench: $(VENV)/test
	$(BIN)/python -m tests.bench --sizes $(SIZES) --rounds $(ROUNDS) $(if $(PARTS),--parts $(PARTS)) \
	$(if $(ONLY),--only $(ONLY)) $(if $(OUT),--out $(OUT))

# `make fuzz SECONDS=60 SEED=7 TARGETS="imap mail"`: each target that long, from where it stopped.
SECONDS := 600
SEED := 1
TARGETS :=

fuzz: $(VENV)/fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED) $(TARGETS)

# `make hammer SECONDS=300 SEED=7 WORLDS=sockets`: ten random clients on one mailbox, all of one kind
# with `MODE=plain`, condstore, qresync, rev2, uidonly or notify; `WORLDS=orders` tries all orders in
# which the store's answers can come to two clients.
WORLDS :=
MODE := mixed

hammer: $(VENV)/test
	$(BIN)/python -m tests.session.hammer --seconds $(SECONDS) --seed $(SEED) --mode $(MODE) $(WORLDS)

# `make soak SECONDS=600`: a thousand idle devices, two hundred polled mailboxes; is all flat?
SESSIONS := 1000

soak: $(VENV)/test
	$(BIN)/python -m tests.soak --seconds $(SECONDS) --sessions $(SESSIONS)

# `make hostile`: hostile clients of every kind at once, and what a quiet one notices of them.
hostile: $(VENV)/test
	$(BIN)/python -m tests.hostile

# `make torture`, or `make torture SECONDS=600 SEED=2 KINDS="kills wire"` for a part: kills,
# cuts, failing disks, power cuts and clocks at the real daemon, from where it stopped. Needs gcc.
KINDS :=
torture: SECONDS := $(if $(filter file,$(origin SECONDS)),inf,$(SECONDS))

torture: $(VENV)/test
	$(BIN)/python -m tests.torture --seconds $(SECONDS) --seed $(SEED) $(KINDS)

$(VENV)/fuzz: $(VENV)/test
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e .[fuzz] || { \
	echo "Atheris can't be installed for this Python or system; pytest tests/fuzz fuzzes without it."; exit 69; }
	touch $@

$(VENV)/run: pyproject.toml
	@test -n "$(PYTHON)" || { echo "popbridge needs Python 3.11 or later: install it and run make again."; exit 69; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	touch $@

$(VENV)/test: $(VENV)/run
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .[test]
	touch $@

clean:
	rm -rf $(VENV) .torture build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
