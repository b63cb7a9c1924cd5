# Two commands for a newcomer, each of which does all the set-up that it can: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS := $(VENV)/.docs
# `make setup LOCKED=1`: the exact versions of requirements.lock, each archive checked by its digest
LOCKED ?=
INSTALL := $(if $(LOCKED),--no-deps --require-hashes --requirement requirements.lock,--editable '.[dev,lmms]')

.PHONY: demo test lint docs setup data lock-file

demo: setup data
	$(BIN)/ddtbench run demo --out runs
	$(BIN)/ddtbench report runs --to report --suite demo
	$(BIN)/ddtbench claims zoo/runs runs
	$(BIN)/ddtbench reproduce geneval --run runs
	$(BIN)/ddtbench scale zoo/runs

test: setup data
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

.PHONY: fuzz
# Changed files of every kind, 100,000 in all: each is read, or refused by one line. FUZZ='--inputs 5000' draws fewer.
fuzz: setup
	$(BIN)/python tests/fuzzing $(FUZZ)

.PHONY: faults
# Killed processes, full disks, damaged files and models that misbehave, each followed by a resume that must give the
# undisturbed bytes. FAULTS=--quick tries each a few times, FAULTS='--only worker --draws 2' some, at other instants.
faults: setup
	$(BIN)/python tests/faults $(FAULTS)

.PHONY: bench
# Claims about speed, side by side with what people use now: benchmarks/results.md, within 30 minutes on two idle cores.
# BENCH='frechet --anyway' takes one script, beside other load; BENCH='--authors FOLDER' has checkouts of the authors' code.
bench: setup
	$(BIN)/python -m benchmarks $(BENCH)

# The site, read without a network. A broken link fails it: strict counts what is logged, so this is not quiet. What builds
# it, some 110 MB, is installed when first asked for.
docs: $(DOCS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "docs: site/index.html"

$(DOCS): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $(DOCS)

setup: $(READY)

# The exact versions, resolved anew
lock-file: setup
	$(BIN)/python deploy/lock.py

# Fashion-MNIST by apt-get where already root, else by download; without it both commands do what they can
data: setup
	@$(BIN)/ddtbench data prepare fashion-mnist --fetch || echo "set-up: going on without Fashion-MNIST"

# An environment of its own, remade when the dependencies change. One that was killed half-way is gone on with: an
# environment without a pip that runs is made anew, and a package that pip did not come to the end of (it names itself
# as the installer last) is installed again. While pip is silent, a line says how far it is.
$(READY): pyproject.toml
	@echo "set-up 1/2: an environment in $(VENV)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@for info in $(VENV)/lib/python3*/site-packages/*.dist-info; do \
	  if [ -d "$$info" ] && [ ! -f "$$info/INSTALLER" ]; then echo "set-up: again $${info##*/}"; rm -rf "$$info"; fi; \
	done
	@echo "set-up 2/2: some 280 packages, 8 GB with the CUDA libraries of torch, in some 5 minutes after the download"
	@( while sleep 20 >/dev/null 2>&1 && kill -0 $$$$ 2>/dev/null; do \
	     echo "set-up: $$(du -sm $(VENV) | cut -f 1) MB are there"; done ) & \
	  beat=$$!; $(BIN)/python -m pip install --disable-pip-version-check $(INSTALL); code=$$?; \
	  kill $$beat; exit $$code
	@$(if $(LOCKED),$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .)
	@touch $(READY)
