# Everything runs in .venv, benchmarks in .venv-bench, tests with training frameworks in .venv-frameworks; the targets make
# and reuse them. Needed: Python 3.11 to 3.13, make, the package registry.
PYTHON ?= python3
# What is built, and where: make dataset RECIPE=mine.yaml OUT=out/mine BUILD_OPTIONS="--workers 4"
RECIPE ?= recipes/realistic.yaml
OUT ?= out/realistic
BUILD_OPTIONS ?=
# What is measured: make bench BENCH_OPTIONS="--only distort load"
BENCH_OPTIONS ?=
# What is tried: make stress STRESS_OPTIONS="--only fuzzing --cases 0.01"
STRESS_OPTIONS ?=
INSTALL = -m pip install --quiet --disable-pip-version-check
PIP = .venv/bin/python $(INSTALL) --constraint constraints.txt
# Two processes, one for each core; the one that ends first takes tests from the other.
PYTEST = .venv/bin/python -m pytest -n 2 --dist worksteal

# " RECIPE=mine.yaml" where that was given, else nothing: so that "Next" names the very same data set.
as_given = $(if $(filter-out file,$(origin $1)), $1=$($1))

.PHONY: dataset train wheel test test-all test-frameworks lint docs docs-check schema expect stress bench clean

dataset: .venv/core ## the main job: an augmented data set from the bundled digits, and a picture of it
	.venv/bin/augforge build $(RECIPE) --out $(OUT) $(BUILD_OPTIONS)
	.venv/bin/augforge preview $(RECIPE) --out $(OUT)-preview.png
	@echo
	@echo "The data set is in $(OUT), a picture of it in $(OUT)-preview.png."
	@echo "Next:"
	@echo "  .venv/bin/augforge info $(OUT)"
	@echo "      what is in it"
	@echo "  make train$(call as_given,OUT)"
	@echo "      train a small network with and without it (installs PyTorch)"
	@echo "  make dataset$(call as_given,RECIPE)$(call as_given,OUT) BUILD_OPTIONS=--overwrite"
	@echo "      build it again, after you have changed $(RECIPE)"

train: .venv/train ## train on the originals and on the augmented set, and compare
	.venv/bin/python examples/train_digits/train_digits.py $(OUT)

wheel: .venv/core ## dist/augforge-VERSION-py3-none-any.whl, to install anywhere
	.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/augforge-*.whl

test: .venv/dev ## the tests for every change
	$(PYTEST) -m "not slow"

test-all: .venv/dev ## all tests: also those marked slow, and those with training frameworks
	$(PYTEST)
	$(MAKE) test-frameworks

test-frameworks: .venv-frameworks/frameworks ## loaders in Lightning, Accelerate, Fabric and torchdata
	.venv-frameworks/bin/python -m pytest -n 2 tests/frameworks

lint: .venv/dev ## style, types, direction of imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

docs: .venv/dev ## docs/distortions.md and every picture in the docs
	.venv/bin/python docs/generate.py

docs-check: .venv/dev ## whether these are up to date
	.venv/bin/python docs/generate.py --check

schema: .venv/core ## the JSON Schema of recipes, for editors
	.venv/bin/augforge schema --ours-alone > recipes/schema/recipe-v1.json

expect: .venv/core ## what the ready recipes expect, from real builds of all of them: after pixels or recipes changed
	.venv/bin/python -m tests.expectations

stress: .venv/dev ## faults and hostile input in their thousands: writes the figures of docs/reliability.md
	.venv/bin/python -m tests.stress $(STRESS_OPTIONS)

bench: .venv-bench/peers ## speed, against others: writes benchmarks/RESULTS.md (installs 7.4 GB)
	.venv-bench/bin/python benchmarks/run.py $(BENCH_OPTIONS)

clean: ## remove the environments and what was built
	rm -rf .venv .venv-bench .venv-frameworks out

# The environment grows in three steps; each is made once, and again when what it is made from changes.
.venv/python .venv-bench/python .venv-frameworks/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "augforge needs Python 3.11 to 3.13: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(@D)
	@touch $@

.venv/core: .venv/python pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

.venv/train: .venv/core
	$(PIP) --editable ".[torch]"
	@touch $@

.venv/dev: .venv/core
	$(PIP) --editable ".[all,dev]"
	@touch $@

# Frameworks bring plugins of pytest and packages of their own, which the other tests must do without.
.venv-frameworks/frameworks: .venv-frameworks/python pyproject.toml constraints.txt
	.venv-frameworks/bin/python $(INSTALL) --constraint constraints.txt --editable ".[frameworks,dev]"
	@touch $@

# The peers' versions do not go with those in constraints.txt, so they have an environment of their own.
.venv-bench/peers: .venv-bench/python pyproject.toml benchmarks/requirements.txt
	.venv-bench/bin/python $(INSTALL) --editable . --requirement benchmarks/requirements.txt
	@touch $@
