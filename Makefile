# make run    makes the environment and the embedded data, runs the workflow, says where to look
# make test   makes the environment, runs the tests
# make resume goes on with a run after any accident; with PROFILE=profiles/slurm (or another) on that machine
PYTHON ?= python3.11
CORES ?= 2
CONFIG ?= config/config.yaml
HOW := $(if $(PROFILE),--profile $(PROFILE),--cores $(CORES))
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test test-all lint format resume check clean

run: $(READY)
	@$(BIN)/unoise rate --configfile $(CONFIG)
	$(BIN)/snakemake $(HOW) --configfile $(CONFIG)
	@$(BIN)/unoise rate --configfile $(CONFIG)
	@$(BIN)/unoise where --configfile $(CONFIG)

test: $(READY)
	$(BIN)/python -m pytest

test-all: $(READY)
	$(BIN)/python -m pytest -m ""

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

resume: $(READY)
	$(BIN)/snakemake --unlock --configfile $(CONFIG)
	$(BIN)/snakemake $(HOW) --configfile $(CONFIG)

check: $(READY)
	@$(BIN)/unoise check --configfile $(CONFIG)

clean:
	rm -rf .venv .snakemake results

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
