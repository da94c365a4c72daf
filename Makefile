# Two commands for everybody: `make run` and `make test`. README.md has the same without make.
# Any Python 3 can start the set-up, which then looks for one that is new enough. A pyenv shim may be there and not run.
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c "import sys; sys.exit(sys.version_info < (3, 6))" 2>/dev/null && echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: run test test-extras web test-web lint notebooks notebooks-commit set-up set-up-dev colab-check clean

run: set-up
	@$(PY) -m colorize_utils samples outputs/samples
	@$(PY) -m colorize_utils colorize outputs/samples --overwrite -o outputs/colorized

test: set-up-dev
	@$(PY) -m pytest -n 2 --dist loadfile

# The page and the exports, in an environment of their own: what they need holds other packages back. Photos too, because
# one of these is Pillow.
test-extras:
	@$(PYTHON) scripts/set_up.py --venv .venv-extras --dev --app --export --fast
	@.venv-extras/bin/python -m pytest -n 2 --dist loadfile tests/page tests/inference/test_portable.py tests/inference/test_engines.py tests/scripts/test_build_web.py tests/photos

# The page that colors photos inside the browser, into web/dist. Any static host serves it.
web:
	@command -v npm > /dev/null || { echo "web: expected npm, which comes with Node.js 20 or newer" >&2; exit 1; }
	@$(PYTHON) scripts/set_up.py --venv .venv-extras --export
	@npm ci --prefix web --ignore-scripts --no-audit --no-fund --silent
	@.venv-extras/bin/python scripts/build_web.py

# Its tests: the arithmetic in Node.js, the page in a headless Chromium (apt-get install chromium).
test-web: web
	@rm -rf outputs/web-cases
	@.venv-extras/bin/python web/tests/cases.py outputs/web-cases
	@WEB_CASES=$(CURDIR)/outputs/web-cases PYTHON=$(CURDIR)/.venv-extras/bin/python \
		node --test --test-reporter=spec web/tests/*.test.js web/tests/browser/*.test.js

lint: set-up-dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

notebooks: set-up-dev
	@$(PY) scripts/run_notebooks.py

# Executes the notebooks where they are, so that their pictures can be committed.
notebooks-commit: set-up-dev
	@$(PY) scripts/run_notebooks.py --in-place

set-up set-up-dev:
	@test -n "$(PYTHON)" || { echo "set-up: expected Python 3.11, 3.12 or 3.13, found no python3 that runs" >&2; exit 1; }
	@$(PYTHON) scripts/set_up.py --venv $(VENV) $(if $(findstring dev,$@),--dev)

# Tests and notebooks with the versions that Google Colab has, on its Pythons (those of them that are installed).
colab-check:
	@$(PYTHON) scripts/colab_check.py

clean:
	rm -rf outputs .pytest_cache .ruff_cache .hypothesis build
