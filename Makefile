# One command each; every one of them first sets up .venv where it is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
PEERS := .peers/bin
STARDIST := .peers-stardist/bin
BUDGET ?=
TASK ?= semantic
FOLDS ?= 5
MASKS ?= auto
LEAVE_OUT ?=
ONLY ?=
OUT ?= runs
THREADS ?= 1
TOGETHER ?=

.PHONY: help setup demo test check slow dist bench bench-nuclei bench-poses builtin clean

help:
	@echo "make demo    made-up nevi: draw, check, train, evaluate, predict; TASK=panoptic or pose: people"
	@echo "make test    the default tests"
	@echo "make check   format, lint, types"
	@echo "make slow    the tests that take minutes"
	@echo "make builtin train a built-in model again, into rebuilt/ (WHAT=nevi or people)"
	@echo "make dist    wheel and sdist, checked: metadata, contents, the wheel in a fresh environment"
	@echo "make bench   DATA=folder BUDGET=seconds: ours against the lesson's networks,"
	@echo "             smp and MONAI (sets up .peers, 5.5 GB); also FOLDS=5 MASKS=auto OUT=runs"
	@echo "make bench-nuclei DATA=folder BUDGET=seconds: ours against StarDist at objects one by one"
	@echo "             (sets up .peers-stardist, 2.1 GB); also FOLDS=5 THREADS=1 TOGETHER=yes OUT=runs"
	@echo "make bench-poses DATA=folder BUDGET=seconds: ours against a plain heatmap regression at"
	@echo "             joints of one person a picture, each with the time; also OUT=runs"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "pixelwise needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(READY)

demo: $(READY)
	$(BIN)/pixelwise demo --task $(TASK)

test: $(READY)
	$(BIN)/pytest

check: $(READY)
	$(BIN)/ruff format --check src tests benchmarks tools
	$(BIN)/ruff check src tests benchmarks tools
	$(BIN)/mypy

slow: $(READY)
	$(BIN)/pytest -m slow

bench: $(READY) .peers/ready
	@test -n "$(DATA)" || { echo "Say on what: make bench DATA=folder"; exit 2; }
	$(BIN)/python benchmarks/bench.py "$(DATA)" --budget-s $(or $(BUDGET),60) --folds $(FOLDS) \
		--leave-out "$(LEAVE_OUT)" --only "$(ONLY)" --masks "$(MASKS)" --out "$(OUT)" \
		--peers $(PEERS)/python

# The peers' libraries need another build of torch than ours.
.peers/ready: benchmarks/requirements.txt
	$(PYTHON) -m venv .peers
	$(PEERS)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch .peers/ready

bench-nuclei: $(READY) .peers-stardist/ready
	@test -n "$(DATA)" || { echo "Say on what: make bench-nuclei DATA=folder"; exit 2; }
	$(BIN)/python benchmarks/nuclei.py "$(DATA)" --budget-s $(or $(BUDGET),300) --folds $(FOLDS) \
		--threads $(THREADS) $(if $(TOGETHER),--together) --only "$(ONLY)" --out "$(OUT)" \
		--peers $(STARDIST)/python

.peers-stardist/ready: benchmarks/requirements-stardist.txt
	$(PYTHON) -m venv .peers-stardist
	$(STARDIST)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench-poses: $(READY)
	@test -n "$(DATA)" || { echo "Say on what: make bench-poses DATA=folder"; exit 2; }
	$(BIN)/python benchmarks/poses.py "$(DATA)" --budget-s $(or $(BUDGET),480) --out "$(OUT)/poses"

dist: $(READY)
	rm -rf dist build
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dist]"
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(BIN)/python tools/check_dist.py dist

builtin: $(READY)
	$(BIN)/python -m pixelwise.rebuild rebuilt $(WHAT)

clean:
	rm -rf .venv .peers .peers-stardist build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
