# Two commands matter: `make demo` and `make test`. Both install what they need into .venv first.

PYTHON ?= python3
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --profile profiles/local
DEMO ?= demo

# tiledbsoma has been seen to take the whole process down (docs/decisions/0007): where a signal ended the tests, and only
# there, they run once more; a test that fails, fails
pytest = $(BIN)/python -m pytest $(1) || { test $$? -gt 128 \
  && echo "the test process was ended by a signal; running the tests once more" && $(BIN)/python -m pytest $(1); }

.PHONY: help demo test check test-long readers reference agreement bench lock config findings formats clean
.DELETE_ON_ERROR:

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# --- installation: pinned by hash, nothing left to resolve; bytecode is compiled, since imports dominate small jobs --

.venv/base: requirements.lock requirements-tables.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed; name one: make PYTHON=python3.12 ..."; exit 3; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "this Python has no venv; on Debian: apt-get install python3-venv"; exit 3; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (some minutes, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock \
	  -r requirements-tables.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q src
	@touch $@

.venv/dev: .venv/base requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

# --- optional readers: each in an environment of its own, and only with its licence accepted (docs/readers.md) -------

# `make readers ACCEPT_LICENCES="gpl thermo"`
ACCEPT_LICENCES ?=

readers: $(addprefix reader-,$(ACCEPT_LICENCES))  ## optional readers; ACCEPT_LICENCES="..." names the licences you accept
	@test -n "$(ACCEPT_LICENCES)" \
	  || { echo 'nothing built: name the licences that you accept, as in ACCEPT_LICENCES="gpl thermo"; see docs/readers.md'; exit 2; }

.PHONY: reader-gpl reader-thermo java mono
reader-gpl: java .venv-bioformats/ready .venv-czi/ready

reader-thermo: mono .venv-thermo/ready

reader-%:
	@echo "no reader goes with the licence '$*'; docs/readers.md lists them"; exit 2

java:
	@command -v java > /dev/null \
	  || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null \
	    && apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless > /dev/null; } \
	  || { echo "Bio-Formats needs Java 11 or newer; on Debian: apt-get install openjdk-17-jre-headless"; exit 3; }

mono:
	@test -e "$$(ls /usr/lib/libmono-2.0.so* 2>/dev/null | head -1)" && command -v mono > /dev/null \
	  || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null \
	    && apt-get update -qq && apt-get install -y -qq --no-install-recommends mono-complete libmono-2.0-1 > /dev/null; } \
	  || { echo "the Thermo reader needs mono; on Debian: apt-get install mono-complete libmono-2.0-1"; exit 3; }

NOTICE_bioformats := Bio-Formats, GPL-2 or later, Open Microscopy Environment
NOTICE_czi := bioio-czi, GPL-3, with libCZI, LGPL-3, Carl Zeiss Microscopy GmbH
NOTICE_thermo := RawFileReader reading tool. Copyright (c) 2016 by Thermo Fisher Scientific, Inc. All rights reserved.

.venv-%/ready: requirements-%.lock
	@test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements-$*.lock
	@echo "$(NOTICE_$*)"
	@touch $@

# the validator that ours is held against (docs/singlecell-agreement.md); its pins contradict ours
.venv-reference/ready: requirements-reference.lock
	@test -x .venv-reference/bin/python || $(PYTHON) -m venv .venv-reference
	@echo "installing into .venv-reference (a minute, once)"
	@.venv-reference/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements-reference.lock
	@touch $@

reference: .venv-reference/ready  ## the reference validator of single-cell files, in an environment of its own

# peers to compare with, apart from what the package needs
.venv-bench/done: requirements-bench.lock requirements-tables.lock pyproject.toml
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@echo "installing into .venv-bench (some minutes, once)"
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements-bench.lock
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements-tables.lock
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# --- what people run -------------------------------------------------------------------------------------------------

# exit code 2 of `receive` says that some upload has errors: here four are broken on purpose, and are held
demo: .venv/base  ## make submissions, build a release under demo/, say where to look
	@$(BIN)/python -m catchment.demonstration $(DEMO)/uploads
	@$(BIN)/catchment receive $(DEMO)/uploads/* --inbox $(DEMO)/inbox || test $$? -eq 2
	@$(SNAKEMAKE) --config workdir=$(DEMO)
	@echo
	@echo "try next:"
	@echo "  $(BIN)/catchment search --tissue liver --having singlecell --having imaging"
	@echo "  $(BIN)/catchment status"

test: .venv/dev  ## every test (< 20 minutes)
	@$(call pytest,)

check: .venv/dev  ## linters, types, fast tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet src tests benchmarks
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/snakefmt --check Snakefile workflow rules
	@$(BIN)/codespell
	@$(BIN)/snakemake --lint --config workdir=$${TMPDIR:-/tmp}/catchment-lint
	@$(call pytest,-m "not slow and not real")

test-long: .venv/dev .venv-reference/ready  ## the tests again with many more generated examples
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest --timeout 1800

# a section that stands is kept, so what was interrupted goes on where it was; `make -B bench` measures everything anew
SECTIONS := admission singlecell census imaging massspec startup
bench: $(SECTIONS:%=benchmarks/results/%.md)  ## docs/performance.md: comparisons with peers and floors (two hours)
	@.venv-bench/bin/python benchmarks/page.py benchmarks/results > docs/performance.md

benchmarks/results/%.md: benchmarks/%.py | .venv-bench/done .venv-reference/ready
	@mkdir -p $(@D)
	@.venv-bench/bin/python $< > $@.part && mv $@.part $@

# --- what is generated -----------------------------------------------------------------------------------------------

lock:  ## pin every dependency by hash (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --quiet pyproject.toml --group build -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --quiet pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --quiet pyproject.toml --group build --group bench -c requirements.lock -o requirements-bench.lock
	for name in bioformats czi tables thermo; do \
	  uv pip compile --universal --python-version 3.11 --generate-hashes --no-deps --no-emit-index-url \
	    --no-emit-find-links --no-header --quiet requirements-$$name.in -o requirements-$$name.lock || exit 1; done
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --quiet requirements-reference.in -o requirements-reference.lock

agreement: .venv/dev .venv-reference/ready  ## docs/singlecell-agreement.md and the kept verdicts, from the reference
	@$(BIN)/python -m tests.singlecell.agreement

config: .venv/base  ## config/ from src/catchment/config.py
	@$(BIN)/python -m catchment.config config

findings: .venv/base  ## docs/findings.md from the rules in the code
	@$(BIN)/python -m catchment.rulebook docs/findings.md

formats: .venv/dev  ## docs/formats.md from the table of readers and the real files in ../shared/data (some minutes)
	@$(BIN)/python tests/real/write_formats.py

clean:  ## remove the demonstration
	@chmod -R u+w $(DEMO) 2>/dev/null || true
	@rm -rf $(DEMO)
