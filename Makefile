# The commands of throng. Each does the set-up itself when .venv is missing or older than the lock.

SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
CORES ?= $(shell nproc)
LOCK := envs/requirements.lock
STAMP := .venv/.lock-$(shell sha256sum $(LOCK) | cut -c1-16)
PYTEST := $(BIN)/python -m pytest
# One thread per test process; the processes share the cores.
PARALLEL := $(if $(filter 1,$(CORES)),,-n $(CORES))

.PHONY: help setup demo ladder workflow-report consumers test test-all faults fuzz check format bench install-profiles lock clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

setup: $(STAMP) ## make .venv from the lock, unless it is there already
	@echo ".venv is in step with $(LOCK)"

$(STAMP): $(LOCK)
	@bash envs/setup.sh

demo: $(STAMP) ## rendered scenes through every stage to a release and a report, no download, no GPU
	@PYTHONPATH=workflow/logger $(BIN)/snakemake --cores $(CORES) --logger progress
	@echo "report: $(CURDIR)/results/report/report.html   release: $(CURDIR)/$$(ls -d results/release/*/ | head -n 1)"

ladder: $(STAMP) ## counting without labels on rendered crowds: one table, one figure
	@PYTHONPATH=workflow/logger $(BIN)/snakemake results/ladder/ladder/ladder.html results/ladder/probe/probe.json \
	  --configfile config/ladder.yaml --cores $(CORES) --logger progress
	@echo "ladder: $(CURDIR)/results/ladder/ladder/ladder.html"

consumers: $(STAMP) ## load RELEASE=folder in a new environment with its users' libraries, without throng
	@bash envs/consumers.sh "$(RELEASE)"

workflow-report: $(STAMP) ## Snakemake's own report of the finished demo: rules, run times, figures, in one file
	@$(BIN)/snakemake --report results/workflow-report.html
	@echo "report: $(CURDIR)/results/workflow-report.html"

test: $(STAMP) ## the fast tests
	OMP_NUM_THREADS=1 $(PYTEST) $(PARALLEL)

test-all: $(STAMP) ## every test: slow ones, a real Slurm, real data (THRONG_DATA=folder)
	OMP_NUM_THREADS=1 $(PYTEST) $(PARALLEL) -m "not slurm"
	$(PYTEST) -m slurm

FAULTS_RECORD ?= $(CURDIR)/.cache/faults
faults: $(STAMP) ## kill, starve, damage and confuse a real run of every stage; what was seen goes into docs/faults.md
	rm -rf $(FAULTS_RECORD)
	OMP_NUM_THREADS=1 FAULTS_RECORD=$(FAULTS_RECORD) $(PYTEST) tests/workflow/faults -m slow; \
	  drilled=$$?; $(BIN)/python -m tests.workflow.faults.report $(FAULTS_RECORD) && exit $$drilled

SECONDS_EACH ?= 60
fuzz: $(STAMP) ## files that are almost right, into every reader: FINDINGS are printed (SECONDS_EACH=60)
	PYTHONPATH=workflow/scripts OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.drive --seconds $(SECONDS_EACH)

check: $(STAMP) ## linters, types, generated files in sync
	$(BIN)/ruff check --no-cache
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/pyright
	cd workflow/scripts && ../../$(BIN)/python -m throng.config --check
	$(BIN)/snakemake --lint

format: $(STAMP) ## format Python and Snakemake files
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/snakefmt Snakefile rules

bench: $(STAMP) ## every benchmark: ours and the peer's alternately, results in benchmarks/results
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file; done

install-profiles: $(STAMP) ## make `snakemake --profile slurm` work as typed
	@$(BIN)/python profiles/install.py

lock: $(STAMP) ## pin every dependency anew (envs/constraints.txt holds some back)
	$(BIN)/uv pip compile pyproject.toml --extra dev -c envs/constraints.txt --upgrade --quiet --no-header \
	  --no-emit-index-url --python-version 3.11 --universal --output-file $(LOCK)
	$(BIN)/python envs/pin.py

clean: ## delete caches; results, resources and .venv stay
	rm -rf .pytest_cache .ruff_cache .hypothesis .cache build dist
	find workflow tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
