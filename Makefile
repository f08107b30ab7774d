# `make help` lists the targets. Variables: CONFIG, PROFILE, PYTHON, PIP_OPTIONS, GROUPS, MIRROR.

PYTHON ?= python3
PIP_OPTIONS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet $(PIP_OPTIONS)
CONFIG ?= config/config.yaml
CALM := --quiet rules reason # a line a job; Snakemake's log has the rest
PROFILE ?= profiles/default

.PHONY: study example test test-deps test-slow test-slurm lint typecheck format lock bench validate clean help

study: $(VENV)/.study  ## install into .venv and run the study of CONFIG (default: config/config.yaml)
	@$(BIN)/python -m langscale.config.files $(CONFIG)
	$(BIN)/python -m langscale.jobs.locks $(BIN)/snakemake --workflow-profile $(PROFILE) --configfile $(CONFIG) $(CALM)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

example: $(VENV)/.study  ## make tables and report of docs/ntrex-full from its committed scores, without training, in example/
	mkdir -p example/results/ntrex-full && cp -r docs/ntrex-full/study/. example/results/ntrex-full
	find example/results/ntrex-full/runs -type f -exec touch {} +
	$(BIN)/snakemake --cores all --directory example --configfile config/ntrex-full.yaml $(CALM)

test: $(VENV)/.test  ## install what tests need, run tests with coverage of lines and branches, then lint and typecheck
	$(BIN)/python -m pytest -n 2 --dist loadscope --cov
	$(MAKE) --no-print-directory lint typecheck

test-deps:  ## install the browser that opens the report in the tests (apt-get, as root); without it that test is skipped
	apt-get install -y --no-install-recommends chromium

test-slow: $(VENV)/.test  ## run the slow tests: adapters on all of XQuAD-R against known means, a study killed twenty times
	$(if $(MIRROR),MIRROR=$(abspath $(MIRROR))) $(BIN)/python -m pytest tests/slow

test-slurm: $(VENV)/.slurm  ## run a study through profiles/slurm and a real Slurm (as root on Debian, 8 minutes)
	timeout -k 60 -s INT 2400 $(BIN)/python tests/slurm/run.py

lint: $(VENV)/.test  ## check spelling, and the style of Python and of the rules
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/codespell
	$(BIN)/snakefmt --check Snakefile workflow && $(BIN)/snakemake --lint

typecheck: $(VENV)/.test  ## check the types of src
	$(BIN)/mypy

format: $(VENV)/.test  ## rewrite the style of Python and of the rules
	$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/snakefmt Snakefile workflow

lock:  ## resolve the pinned versions anew (needs uv; installs nothing)
	$(COMPILE) --extra test pyproject.toml | $(WITHOUT_CUDA) > requirements-test.lock
	$(COMPILE) --constraint requirements-test.lock pyproject.toml | $(WITHOUT_CUDA) > requirements.lock

bench: $(VENV)/.bench  ## measure speed against other tools (40 minutes, idle machine); GROUPS="rank_speed growth" for a part
	$(BIN)/python performance/bench.py $(if $(GROUPS),--only $(GROUPS)) $(if $(MIRROR),--mirror $(MIRROR))

validate: $(VENV)/.study  ## simulate studies with a known truth (25 minutes); resumes; writes docs/validation.md
	OMP_NUM_THREADS=1 $(BIN)/python validation/validate.py

clean:  ## delete results and Snakemake's records
	rm -rf results .snakemake

# The stamp is written last: an environment whose creation was killed has none and is created anew.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v < (3, 14))' || { \
	  echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.11 to 3.13 is needed: make PYTHON=python3.11" >&2; exit 1; }
	test -e $(VENV)/.study || $(PYTHON) -m venv --clear $(VENV)
	touch $@

$(VENV)/.study: requirements.lock pyproject.toml | $(VENV)/.python
	$(PIP) -r requirements.lock
	$(PIP) --no-deps --editable .
	touch $@

$(VENV)/.test: requirements-test.lock $(VENV)/.study
	$(PIP) -r requirements-test.lock
	touch $@

$(VENV)/.slurm: pyproject.toml $(VENV)/.test
	$(PIP) --constraint requirements-test.lock --editable .[slurm]
	touch $@

$(VENV)/.bench: performance/peers.txt $(VENV)/.test
	$(PIP) -r performance/peers.txt
	touch $@

# One set of versions for Python 3.11 to 3.13. torch itself names the CUDA packages that it needs, by exact version.
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --no-annotate --no-header
WITHOUT_CUDA = grep -vE '^(nvidia-|cuda-|triton=)'
