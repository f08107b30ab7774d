# make        install into .venv and run the default study        make test   install and test
# make lock   resolve the pinned dependencies anew (needs uv; resolves only, installs nothing)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config/config.yaml
PROFILE ?= profiles/default

.PHONY: study example test test-deps test-slow test-slurm lint format lock bench validate clean

study: $(VENV)/.study
	$(BIN)/python -m langscale.jobs.locks $(BIN)/snakemake --workflow-profile $(PROFILE) --configfile $(CONFIG)

# tables, figures and report of the NTREX study from its committed scores (docs/ntrex), without training, in example/
example: $(VENV)/.study
	mkdir -p example/results && cp -r docs/ntrex/study example/results/ntrex-cpu
	find example/results/ntrex-cpu/runs -type f -exec touch {} +
	$(BIN)/snakemake --cores all --directory example --configfile config/ntrex-cpu.yaml

test: $(VENV)/.test
	$(BIN)/python -m pytest

# the browser that opens the report in the tests; without it that test is skipped
test-deps:
	apt-get install -y --no-install-recommends chromium

# a real pretrained encoder on the whole of XQuAD-R, ten minutes; a study killed twenty times
test-slow: $(VENV)/.test
	$(BIN)/python -m pytest tests/slow

# a study through profiles/slurm and a Slurm that is installed (Debian, as root), started here and stopped again
test-slurm: $(VENV)/.slurm
	timeout -k 60 -s INT 2400 $(BIN)/python tests/slurm/run.py

lint: $(VENV)/.test
	$(BIN)/ruff check . && $(BIN)/snakefmt --check Snakefile workflow && $(BIN)/snakemake --lint

format: $(VENV)/.test
	$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/snakefmt Snakefile workflow

# speed beside other tools, and what of the default study is not computing: performance/results.md, 40 minutes on an idle
# machine; `make bench GROUPS="rank_speed growth"` does some of it. results/mini is not touched
bench: $(VENV)/.bench
	$(BIN)/python performance/bench.py $(if $(GROUPS),--only $(GROUPS))

# simulated studies with a planted truth, twenty minutes on one core; writes docs/validation.md, goes on where it stopped
validate: $(VENV)/.study
	OMP_NUM_THREADS=1 $(BIN)/python validation/validate.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.study: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/.test: requirements-test.lock $(VENV)/.study
	$(BIN)/python -m pip install --quiet -r requirements-test.lock
	touch $@

$(VENV)/.slurm: pyproject.toml $(VENV)/.test
	$(BIN)/python -m pip install --quiet --constraint requirements-test.lock --editable .[slurm]
	touch $@

$(VENV)/.bench: performance/peers.txt $(VENV)/.test
	$(BIN)/python -m pip install --quiet -r performance/peers.txt
	touch $@

# one set of versions for Python 3.11 to 3.13; what torch needs of CUDA it names itself, by exact version
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --no-annotate --no-header
WITHOUT_CUDA = grep -vE '^(nvidia-|cuda-|triton=)'

lock:
	$(COMPILE) --extra test pyproject.toml | $(WITHOUT_CUDA) > requirements-test.lock
	$(COMPILE) --constraint requirements-test.lock pyproject.toml | $(WITHOUT_CUDA) > requirements.lock

clean:
	rm -rf results .snakemake
