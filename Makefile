# Two commands: `make demo` and `make test`. Each sets up what it needs: a .venv here, and system packages through apt.
# Variables: PYTHON (3.11 or later), TORCH (how pip gets torch; CPU by default), OUT (where the demo goes).

PYTHON ?= python3
TORCH ?= torch==2.13.0
OUT ?= runs/quickstart
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo test test-fast test-languages lint format clean

demo: $(VENV)/.demo .system-demo
	$(BIN)/codewright doctor recipes/quickstart.yaml --out $(OUT)
	$(BIN)/codewright run recipes/quickstart.yaml --out $(OUT)

test: $(VENV)/.dev .system-test
	$(BIN)/python -m pytest -n 2 -m "not slow and not languages"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow and not languages"

test-fast: $(VENV)/.dev .system-test
	$(BIN)/python -m pytest -n 2 -m "not slow and not languages"

test-languages: $(VENV)/.dev .system-test .system-languages
	$(PIP) --editable '.[embed]'
	$(BIN)/python -m pytest -m languages
	$(BIN)/python -m pytest tests/models/embedders

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) runs build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "codewright needs Python 3.11 or later: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# torch comes first and by itself: asked for by another package, pip would fetch gigabytes of CUDA with it.
$(VENV)/.torch: $(VENV)/bin/python
	$(PIP) "$(TORCH)"
	@touch $@

$(VENV)/.demo: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) --editable '.[train,eval]'
	@touch $@

$(VENV)/.dev: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) --editable '.[train,eval,dev]'
	@touch $@ $(VENV)/.demo

.PHONY: .system-demo .system-test .system-languages
.system-demo:
	@command -v bwrap >/dev/null || { echo "bubblewrap (the sandbox) is missing: installing it with apt-get"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq bubblewrap; }

# The report's tests need a browser, the sandbox's the second backend, one language that few machines have, and what HumanEvalPack
# imports in the languages that are here.
.system-test: .system-demo
	@missing=; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v runsc >/dev/null || missing="$$missing runsc"; \
	command -v go >/dev/null || missing="$$missing golang-go golang-github-stretchr-testify-dev"; \
	! command -v g++ >/dev/null || [ -e /usr/include/boost/any.hpp -a -e /usr/include/openssl/md5.h ] || missing="$$missing libboost-dev libssl-dev"; \
	! command -v cargo >/dev/null || [ -d /usr/share/cargo/registry/md5-0.7.0 ] || missing="$$missing librust-rand-dev librust-regex-dev librust-md5-dev"; \
	[ -z "$$missing" ] || { echo "for the tests:$$missing: installing with apt-get"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; }
	@! command -v npm >/dev/null || [ -d "$$(npm root --global)/js-md5" ] || $(SUDO) npm install --silent --global js-md5@0.7.3

.system-languages: $(VENV)/.dev
	$(BIN)/codewright doctor --install bash,c,cpp,csharp,go,java,javascript,php,rust,typescript
