# `make` lists what there is to do.
PYTHON ?= python3
VENV ?= .venv
# Which build of torch: empty takes what the package index gives (on Linux the CUDA build, several GB); cpu or cu130 take
# it from PyTorch's own index:   make run TORCH=cpu
TORCH ?=
PYTEST_ARGS ?=

ifneq ($(TORCH),)
TORCH_INDEX := --index-url https://download.pytorch.org/whl/$(TORCH)
endif
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help run test env bench clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

run: $(VENV)/.installed  ## install everything, train the default on real data, show the result
	$(VENV)/bin/python train.py

test: $(VENV)/.tests  ## install everything, run all tests
	$(VENV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

bench: $(VENV)/.installed  ## measure this machine beside other libraries; nothing else should run meanwhile
	$(PIP) $(TORCH_INDEX) torchvision torchaudio
	$(PIP) -e .[bench]
	$(VENV)/bin/python scripts/bench.py

env: $(VENV)/.installed  ## install everything, nothing else

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing torch and the other packages into $(VENV) (some minutes)"
	$(PIP) $(TORCH_INDEX) torch
	$(PIP) -e .
	@touch $@

$(VENV)/.tests: $(VENV)/.installed
	$(PIP) -e .[test]
	@touch $@

clean:  ## remove the environment and caches; run folders stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
