# make demo    set everything up in .venv and coach one spoken example
# make app     open the learner's app on http://localhost:7860
# make test    the tests, with the real models
# make check   format, lint, types

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
EXAMPLE ?= demo/examples/dinner-errors.flac
TEXT    ?= We like rice and chips for dinner.

.DEFAULT_GOAL := help
.PHONY: help demo app test check models clean

help:
	@sed -n 's/^# //p' Makefile

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
	$(BIN)/speechtutor coach $(EXAMPLE) "$(TEXT)" --strictness strict
	@echo
	@echo "That was $(EXAMPLE). Now speak yourself: make app"

app: models
	$(BIN)/speechtutor app --open

test: $(VENV)/.developed
	@$(BIN)/speechtutor models pull --all || { \
	    echo "the models could not be pulled: tests that need them are skipped (and fail where CI is set)" >&2; \
	    test -z "$$CI"; }
	$(BIN)/pytest -q -n 2 --dist loadfile

check: $(VENV)/.developed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
