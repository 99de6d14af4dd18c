# `make demo`, `make test` and `make check` do all their set-up: a virtual environment in .venv, uv into it, the locked packages.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.synced
# Where it is forbidden to keep bytecode, each of the many daemons that the tests start compiles everything anew.
export PYTHONDONTWRITEBYTECODE :=
PEERS := $(VENV)-peers
# Four on two cores: the tests that run the daemon spend their time waiting.
PYTEST_ARGS ?= -n 4 --dist worksteal

.PHONY: demo test check lint compiled bench bench-peers soak faults fuzz lock clean

demo: $(READY)
	$(BIN)/liqalert demo

test: $(READY)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(READY) lint test

# What the tests are made of, once: else each of the four compiles all of it for itself.
compiled: $(READY)
	$(BIN)/python -m pytest --collect-only -qq -p no:xdist

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Ratios, each beside its floor or peer in the same run. BENCH_ARGS="--json FILE" keeps them, "--only ticks" picks.
bench: $(READY)
	$(BIN)/python -m tests.benchmarks --json $(VENV)/bench.json $(BENCH_ARGS)

# Beside what people use today, each in versions of its own, in an environment that nothing else uses.
bench-peers: $(PEERS)/.synced
	$(PEERS)/bin/python -m tests.benchmarks.peers $(BENCH_ARGS)

$(PEERS)/.synced: tests/benchmarks/requirements-peers.txt pyproject.toml | $(BIN)/uv
	$(PYTHON) -m venv $(PEERS)
	VIRTUAL_ENV=$(PEERS) $(BIN)/uv pip install --quiet -r tests/benchmarks/requirements-peers.txt --editable .
	touch $@

# A flood and three simulated days, eleven minutes together: prints what it measured, fails above a limit. Memory is
# handled as the unit says. On a quiet machine.
# SOAK_ARGS="--only day", "--flood-seconds 600".
soak: $(READY)
	MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072 $(BIN)/python -m tests.soak $(SOAK_ARGS)

# The daemon through every fault, minutes: prints what was lost, what came again and how long it took; fails on a breach.
# FAULTS_ARGS="--only Telegram" picks, "--readme" puts the table into the README. Some cases need root and libfaketime.
faults: $(READY)
	$(BIN)/python -m tests.faults $(FAULTS_ARGS)

# The property tests of everything that reads what others wrote, at length: minutes. What they find goes to
# tests/payloads/hostile.
fuzz: $(READY)
	HYPOTHESIS_EXAMPLES=$${HYPOTHESIS_EXAMPLES:-3000} $(BIN)/python -m pytest --timeout 1800 -n 2 -k "hostile or properties"

lock: $(BIN)/uv
	$(BIN)/uv pip compile --universal --generate-hashes --extra dev --extra postgresql --no-emit-index-url \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "uv>=0.7,<1"

# The stamp is newer than the lock only after a complete sync, so a second run installs nothing.
$(READY): requirements.lock pyproject.toml | $(BIN)/uv
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
