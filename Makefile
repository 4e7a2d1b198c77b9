# Every target does its own set-up. A Python of at least 3.11 and a network (or a mirror) are all it takes.
#
#   PYTHON                  the interpreter to make the environment with         python3
#   DASHCAM_WEIGHTS_MIRROR  folder or address of the model files                 ../shared/weights if there
#   DASHCAM_CLIPS_MIRROR    folder or address of the demo's clips                ../shared/videos if there
#   DASHCAM_TEST_DATA       folder of the clips and photos that tests look at    ../shared if there
#   RUN_ARGS, PYTEST_ARGS   more options for `dashcam run` and `pytest`
#   BENCH_ARGS              more options for the benches, such as videos of your own
#   DRIVES, PHOTOS          what `make accuracy` looks at: videos and folders of photos with known plates

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TESTABLE := $(VENV)/.testable
PEER_VENV := .venv-peer
PEER_INSTALLED := $(PEER_VENV)/.installed
DEMO_CLIPS := clips/demo
DEMO_WORK_DIR := .dashcam/demo

ifneq ($(wildcard ../shared/weights),)
export DASHCAM_WEIGHTS_MIRROR ?= $(abspath ../shared/weights)
endif
ifneq ($(wildcard ../shared/videos),)
export DASHCAM_CLIPS_MIRROR ?= $(abspath ../shared/videos)
endif
ifneq ($(wildcard ../shared),)
export DASHCAM_TEST_DATA ?= $(abspath ../shared)
endif

DRIVES ?= $(wildcard $(DASHCAM_TEST_DATA)/videos/drive_*.mp4)
PHOTOS ?= $(wildcard $(DASHCAM_TEST_DATA)/photos/*)

.DEFAULT_GOAL := help
.PHONY: help setup weights clips demo test lint format docs size doctor clean bench bench-scaling accuracy peer

help:  ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: weights clips  ## the main job over a few real clips, ending in a table of the sightings
	$(BIN)/dashcam run $(DEMO_CLIPS) --work-dir $(DEMO_WORK_DIR) $(RUN_ARGS)

test: weights $(TESTABLE)  ## the whole test suite
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup  ## ruff, mypy, and whether the derived documents are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/write_docs.py --check

format: setup  ## let ruff lay out the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup  ## write what is derived from the settings: configs/default.yaml, docs/configuration.md
	$(BIN)/python scripts/write_docs.py

doctor: setup  ## what this host has for a run, and what to do about what is missing
	$(BIN)/dashcam doctor

bench: weights peer  ## this beside its peer and the ideal, as a table and as JSON in benchmarks/results
	$(BIN)/python benchmarks/bench.py $(BENCH_ARGS)

bench-scaling: weights  ## more clips, longer clips, more cores: tables and curves for docs/performance.md
	@$(BIN)/python -c 'import matplotlib' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/scaling.py --write-docs $(BENCH_ARGS)

accuracy: weights  ## how right the rows are on DRIVES and PHOTOS, with the cause of every miss
	$(BIN)/python benchmarks/accuracy.py $(DRIVES) $(if $(PHOTOS),--photos $(PHOTOS)) $(BENCH_ARGS)

peer: $(PEER_INSTALLED)

setup: $(INSTALLED)  ## the virtual environment in .venv with everything in it

weights: setup
	@$(BIN)/dashcam weights fetch

clips: setup
	@$(BIN)/python scripts/fetch_clips.py $(DEMO_CLIPS)

# --no-compile: byte code is made for what gets imported, not for the thousands of files that never are.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is not one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) can't make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -e '.[dev]'
	$(BIN)/python -m dashcam_pipeline.one_cv2
	@touch $@

# Readers of every export format, and other things that nothing but the tests needs: 400 MB.
$(TESTABLE): pyproject.toml $(INSTALLED)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -e '.[dev,test]'
	@touch $@

# It wants other libraries than the project, and is only run by the bench.
$(PEER_INSTALLED): benchmarks/peer-requirements.txt
	@test -x $(PEER_VENV)/bin/pip || $(PYTHON) -m venv $(PEER_VENV)
	$(PEER_VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -r $<
	@touch $@

size:  ## megabytes of the default install, in an environment of its own, and what weighs most
	@rm -rf build/size && mkdir -p build && $(PYTHON) -m venv build/size
	@build/size/bin/python -m pip install --quiet --disable-pip-version-check .
	@build/size/bin/python -m dashcam_pipeline.one_cv2
	@du -sm --apparent-size build/size | sed 's/\t.*/ MiB in all, Python and pip included; the heaviest:/'
	@du -sm --apparent-size build/size/lib/python3*/site-packages/* | sort -rn | head -15

clean:  ## remove all that was made here, but not the fetched weights
	@test ! -x $(BIN)/dashcam || $(BIN)/dashcam db stop --work-dir $(DEMO_WORK_DIR) >/dev/null 2>&1 || true
	rm -rf $(VENV) $(PEER_VENV) build dist clips .dashcam .pytest_cache .mypy_cache .ruff_cache
