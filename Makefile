# Everything is installed into .venv, from locks with hashes. `make help` lists what there is.

PYTHON ?= python3
BIN := .venv/bin
LOCKS := all run assistant telegram discord

# A stamp bears its lock's checksum: it is there exactly where .venv holds what the lock says.
stamp = .venv/$(1)-$(firstword $(shell cksum deploy/locks/$(1).txt))
ALL := $(call stamp,all)
# What is locked for everything holds what a run needs, in the same versions.
RUN := $(firstword $(wildcard $(ALL)) $(call stamp,run))

STUBS := services/stubs
BENCHMARK := data/benchmark/small
# A process that gRPC runs in starts others, such as a Postgres; gRPC's handlers of a fork may crash these before they begin.
NO_FORK_HANDLERS := GRPC_ENABLE_FORK_SUPPORT=0
protoc = PATH="$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I$(STUBS)=proto \
	--python_out=$(1) --grpc_python_out=$(1) --mypy_out=$(1) --mypy_grpc_out=$(1) \
	proto/assistant/v1/assistant.proto
lock = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --output-file deploy/locks/$(1).txt

.DEFAULT_GOAL := help
.PHONY: run test check bench bench-peers bench-scale benchmark faults invite undelivered backup restore purge format stubs lock clean help

run: $(RUN)  ## Start Remi on this machine and chat with it here
	@$(BIN)/python -m services

test: check  ## All checks, then all tests, with their coverage
	@$(NO_FORK_HANDLERS) $(BIN)/python -m pytest -q -n 3 --dist worksteal --cov --cov-report=term --cov-fail-under=90

check: $(ALL)  ## Formatting, lint, types, import layers, contract, stubs, images
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/buf lint proto
	@made=$$(mktemp -d) && trap 'rm -rf "$$made"' EXIT && $(call protoc,"$$made") \
		&& diff -r --exclude=__init__.py --exclude=__pycache__ "$$made/$(STUBS)" $(STUBS) \
		|| { echo "$(STUBS) is not what proto/ says: make stubs" >&2; exit 1; }
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/hadolint deploy/Dockerfile

bench: $(ALL)  ## Measure speed, as ratios to a floor measured beside it
	@PYTHONPATH=tests $(BIN)/python -m bench

bench-scale: $(ALL)  ## Measure search among a million memories, some 20 minutes; SCALE=0.05
	@PYTHONPATH=tests $(BIN)/python -m bench.scale

bench-peers: $(ALL)  ## Measure Remi's memory beside mem0's and LangGraph's; SCALE=0.1
	@PYTHONPATH=tests $(BIN)/python -m bench.peers

benchmark: $(RUN)  ## Measure the memory: Remi beside a plain search and the full log, offline
	@rm -rf $(BENCHMARK)
	@$(BIN)/python -m services.benchmark run small --reader --out $(BENCHMARK) \
		--agent full-log --agent bm25-recent --agent remi

faults: $(ALL)  ## Cause every fault, and show that nothing is lost; QUICK=1, LINE=name
	@PYTHONPATH=tests $(BIN)/python -m faults

invite: $(RUN)  ## Print a one-time code that lets a person in
	@$(BIN)/python -m services.assistant invite

undelivered: $(RUN)  ## List what could not be delivered; RESEND=id or RESEND=all sends it again
	@$(BIN)/python -m services.assistant undelivered $(if $(RESEND),--resend $(RESEND))

backup: $(RUN)  ## Save the database and its secret in one file; FILE=path
	@$(BIN)/python -m services.assistant backup $(FILE)

restore: $(RUN)  ## Fill an empty database from FILE=path; what was forgotten since stays so; LEDGER=path
	@$(BIN)/python -m services.assistant restore $(if $(LEDGER),--ledger $(LEDGER)) $(or $(FILE),$(error FILE=path is needed))

purge: $(RUN)  ## Rewrite the files in which what was deleted still stands
	@$(BIN)/python -m services.assistant purge

format: $(ALL)  ## Format the code, and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

stubs: $(ALL)  ## Generate services/stubs from proto/
	@$(call protoc,.)

lock: $(ALL)  ## Lock the dependencies of pyproject.toml
	@$(call lock,all) pyproject.toml --all-extras
	@$(call lock,run) pyproject.toml --constraints deploy/locks/all.txt \
		--extra assistant --extra embedded --extra telegram --extra discord --extra terminal --extra benchmark
	@for service in assistant telegram discord; do \
		$(call lock,$$service) pyproject.toml --constraints deploy/locks/all.txt --extra $$service || exit 1; done
	@for peer in mem0 langgraph; do $(call lock,peers-$$peer) --group peers-$$peer || exit 1; done

clean:  ## Remove what was installed and cached; data stays
	@rm -rf .venv .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/%: | $(BIN)/python
	@echo "Installing deploy/locks/$(firstword $(subst -, ,$*)).txt into .venv; the first time takes some minutes." >&2
	@$(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes \
		-r deploy/locks/$(firstword $(subst -, ,$*)).txt >&2
	@rm -f .venv/all-* .venv/run-* && touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Remi needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv >&2
