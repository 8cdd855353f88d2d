# `make demo` and `make test` need Python 3.11+ and nothing else: both make their own virtual environment.
# `make test EXTRA=ci` installs the libraries that adapters read (torch, Flower, NVFlare, Keras, ...) and the compilers of
# CUDA kernels, and tests with them too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRA ?= test
# Products here are small: threads of BLAS hardly speed them up, and on a busy machine they wait for each other.
RUN := OMP_NUM_THREADS=1 $(BIN)

.PHONY: demo test lint bench docs release clean

demo: $(VENV)/demo.stamp
	$(RUN)/spear-xp demo

test: $(VENV)/$(EXTRA).stamp lint
	$(RUN)/python -m pytest -n 2 -q

lint: $(VENV)/$(EXTRA).stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/$(EXTRA).stamp
	$(RUN)/python tests/benchmarks/against_published.py

docs: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

release: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[release]"
	$(BIN)/python docs/check_release.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[demo]"
	@touch $@

$(VENV)/$(EXTRA).stamp: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$(EXTRA)]"
	@touch $@ $(VENV)/demo.stamp

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
