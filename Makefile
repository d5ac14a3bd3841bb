# Everything a new machine needs is Python 3.11+, git and make.
PYTHON ?= python3
BIN := .venv/bin
# Stages start as `python -m stages.<name>`; this makes that the environment's Python, activated or not.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: setup demo quick test fuzz faults remotes smoke lint types audit sbom docs docs-serve wheel ui clean

setup: $(BIN)/.complete  ## create .venv and install the pinned requirements, each file by its hash

$(BIN)/.complete: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python %d.%d is too old; EM-Paste needs 3.11 or later: make PYTHON=/path/to/python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	@# uv's own entry of the lock, with its hashes.
	awk '/^[^ ]/ {own = /^uv==/} own' requirements.lock > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.lock
	@# Compiled here once, by all cores: a stage, a worker and a test are each a process that imports PyTorch anew.
	$(BIN)/uv pip install --quiet --compile-bytecode --require-hashes --no-deps --requirement requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --editable .
	touch $@

demo: setup  ## run the pipeline on the demo data set
	$(BIN)/dvc repro
	$(BIN)/empaste summary

test: setup  ## run the tests
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

fuzz: setup  ## feed every reader thousands of damaged inputs: docs/reliability.md
	$(BIN)/python -m tests.fuzz $(FUZZ)

faults: setup  ## kill stages, fill the disk, cut files, at random moments: docs/reliability.md
	$(BIN)/python -m tests.faults $(FAULTS)

quick: setup  ## the demo's table in two minutes, from a clean checkout in .work/quick: presets/quick.yaml says what it leaves out
	rm -rf .work/quick
	git clone --quiet . .work/quick
	cd .work/quick && empaste preset --write quick && EMPASTE_TRACKING=off dvc repro && empaste summary
	@echo "This run had 120 of the demo's 500 images, no made backgrounds, and 80 of 500 training steps: make demo runs all of it."

remotes: setup  ## let everything go wrong that may between a project and a store that is shared: docs/sharing.md
	$(BIN)/python -m tests.remotes $(REMOTES)

smoke: setup  ## run the pipeline at its smallest, from a clean checkout in .work/smoke
	rm -rf .work/smoke
	git clone --quiet . .work/smoke
	cd .work/smoke && empaste preset --write smoke $(SMOKE_PRESETS) && dvc repro && empaste summary

lint: setup  ## style, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup  ## static types
	$(BIN)/mypy

# Without --strict, what an index has no data on counts as clean.
audit: setup  ## known vulnerabilities of the pinned packages; needs a network
	@$(BIN)/uv tool run --quiet --from pip-audit==2.10.1 pip-audit --strict --disable-pip --no-deps --progress-spinner off \
	  --requirement requirements.lock $(AUDIT) || { echo "The audit did not end clean. The lines above name vulnerabilities, or what \
	could not be looked up: without a network, or with an index that has no such data, nothing is known." >&2; exit 1; }

sbom: setup  ## a software bill of materials of the environment (CycloneDX), in build/sbom.json
	mkdir -p build
	$(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py environment --pyproject pyproject.toml \
	  --output-reproducible --output-file build/sbom.json $(BIN)/python

docs: setup  ## the documentation as a site, in site/; a dead link or anchor ends it
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

docs-serve: setup  ## the same while you write, at http://localhost:8000
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --watch src --watch website --watch README.md

wheel: setup  ## the wheel and the source distribution, in dist/
	rm -rf dist
	$(BIN)/uv build --quiet

ui: setup  ## MLflow's pages on the store that the pipeline writes
	$(BIN)/empaste ui

clean:  ## remove the environment and scratch files; DVC's cache, the MLflow store and runs that wait for it stay
	[ ! -d .work ] || find .work -mindepth 1 -maxdepth 1 ! -name tracking -exec rm -rf {} +
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist site src/*.egg-info
