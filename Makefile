# The two commands a newcomer needs: `make sweep` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# Every slot starts processes that import torch and ray: twice as slow without their bytecode.
unexport PYTHONDONTWRITEBYTECODE

# Part of setting up: the first import of all this compiles it.
FIRST_IMPORTS := import av, mlflow, optuna, pandas, plotly, ray.train.torch, ray.tune, sklearn.metrics, \
    torchaudio, torchvision, tyro

# So that `python -m adamml.cost` works in this folder's environment.
ON_PATH := import pathlib, site; pathlib.Path(site.getsitepackages()[0], 'adamml.pth').write_text( \
    str(pathlib.Path('platform').resolve()) + '\n')

.PHONY: sweep test test-all lint docs lock clean

sweep: .venv/ready
	$(BIN)/python jobs/sweep_ks.py $(ARGS)

test: .venv/ready
	$(BIN)/python -m pytest -m "not slow and not gpu" -n 2 --dist worksteal $(ARGS)

# Kills, several raylets, whole sweeps: minutes each, most of which they wait.
test-all: .venv/ready
	$(BIN)/python -m pytest -m "slow or gpu" -n 2 --dist loadfile \
	    --no-loadscope-reorder $(ARGS)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=platform $(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/python -m pytest -q tests/test_sentences.py
	$(BIN)/python docs/generate.py --check

# docs/options.md from the jobs' --help, docs/words.md from the glossary.
docs: .venv/ready
	$(BIN)/python docs/generate.py

# Pinned packages with hashes, installed by uv, which pip fetches first.
.venv/ready: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11 to 3.13 is needed, got " + sys.version.split()[0])'
	@test ! -L .venv || { echo "error: .venv is a link; setting up would empty what it points to"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/python -c "$(ON_PATH)"
	$(BIN)/python -c "$(FIRST_IMPORTS)"
	touch $@

lock: .venv/ready
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet uv==0.13.9
	.venv-lock/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --group dev pyproject.toml -o requirements.lock
	rm -r .venv-lock

clean:
	rm -rf .venv .venv-lock
