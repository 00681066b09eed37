.DEFAULT_GOAL := help
.PHONY: help run test check lint types fuzz interop bench migration lock setup system-packages

export PYTHON
bin := .venv/bin

help:  ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

run: setup  ## Set up and start the demo: prints what to open and what to type
	@$(bin)/farandole demo

test: system-packages check  ## Set up and run everything that CI runs
	$(bin)/pytest -n auto --dist loadgroup

check: lint types  ## Formatting, lint, import contracts and strict types, without running anything

lint: setup  ## Formatting, lint rules and import contracts
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/lint-imports --no-logo

types: setup  ## Strict types over the rooms and the tests
	$(bin)/mypy

fuzz: setup  ## The fuzz tests with far more generated input than in `make test`
	$(bin)/pytest -m fuzz --hypothesis-profile=fuzz -n auto

interop: setup system-packages  ## Only the tests against programs that others wrote
	$(bin)/pytest -m "interop or namespaces" -n auto --dist loadgroup

bench: setup  ## Measure throughput and latency on this machine; WORK="pap accounting eap faults", or some
	$(bin)/python -m tests.bench $(WORK)

migration: setup  ## Write a migration from what changed in the model: MESSAGE="add ..."
	@.ci/migration "$(MESSAGE)"

lock: setup  ## Write requirements.lock anew from pyproject.toml; UPGRADE=1 takes newer versions
	$(bin)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --annotation-style line \
	    $(if $(UPGRADE),--upgrade) --quiet --output-file requirements.lock

setup:  ## The virtual environment in .venv, with the locked packages; fast when nothing changed
	@.ci/virtual-environment

system-packages:  ## As root on Debian or Ubuntu, the programs that the tests talk with
	@.ci/system-packages
