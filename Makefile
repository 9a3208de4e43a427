# make demo    set everything up in .venv and coach one spoken example
# make app     open the learner's app on http://localhost:7860
# make test    the tests, with the real models
# make check   format, lint, types
# make docs    the site, in build/site
# make audit   known vulnerabilities of what is installed (asks PyPI)

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
EXAMPLE ?= demo/examples/dinner-errors.flac
TEXT    ?= We like rice and chips for dinner.

.DEFAULT_GOAL := help
.PHONY: help demo app test check models docs audit image-steps clean

help:
	@sed -n 's/^# make/make/p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "speechtutor needs Python 3.11 or newer, for example: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# The stamps make every later call quick: pip runs again only when pyproject.toml has changed.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "installing speechtutor into $(VENV): some minutes the first time"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[whisper]'
	@touch $@

$(VENV)/.developed: pyproject.toml | $(BIN)/python
	@echo "installing speechtutor and its tools into $(VENV): some minutes the first time"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[whisper,dev]'
	@touch $@ $(VENV)/.installed

# What is in the cache already is only looked at.
models: $(VENV)/.installed
	$(BIN)/speechtutor models pull --all

demo: models
	$(BIN)/speechtutor coach $(EXAMPLE) "$(TEXT)"
	@echo
	@echo "That was $(EXAMPLE). Now speak yourself: make app"

app: models
	$(BIN)/speechtutor app --open

# A worker that crashes ends the run and is named: one in its place would wait for ever (pytest-xdist#1323).
# What a browser did not show in time is looked for once more: the last line counts it ("1 rerun"), -rR names it.
LATE := Locator expected|playwright._impl._errors

test: $(VENV)/.developed
	@$(BIN)/speechtutor models pull --all || { \
	    echo "the models could not be pulled: tests that need them are skipped (and fail where CI is set)" >&2; \
	    test -z "$$CI"; }
	$(BIN)/pytest -q -n 2 --dist loadfile --max-worker-restart 0 -rR --reruns 1 --only-rerun '$(LATE)'

check: $(VENV)/.developed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	$(BIN)/python -m mkdocs build --strict

# Fails for a vulnerability that is known, and where that cannot be found out.
audit: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --strict --skip-editable

# The steps of the Containerfile in a virtual environment of their own, for where no container runs; the server
# it starts (with stages that do not listen) must say that it is ready.
image-steps:
	rm -rf build/image && mkdir -p build/image
	$(PYTHON) -m venv build/image/venv
	build/image/venv/bin/pip install --quiet --disable-pip-version-check '.[whisper,serve,postgres]'
	cd build/image && SPEECHTUTOR_HOME=$$PWD/data venv/bin/speechtutor serve --port 8765 --store none --transcriber fake \
	    --scorer fake --tutor fake --grammar none --voice none & \
	for i in $$(seq 60); do sleep 2; build/image/venv/bin/python -c \
	    "import urllib.request as u; u.urlopen('http://127.0.0.1:8765/readyz')" 2> build/image/said && break; done; \
	status=$$?; kill $$!; test $$status -eq 0 && echo "the server of the image's steps is ready"

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
