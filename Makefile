# Two commands from a fresh clone: `make compare` runs the main job, `make test` the tests. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := $(VENV)/.extras

.PHONY: compare test quick lint docs benchmarks clean

compare: $(STAMP)
	$(BIN)/linksim compare --methods jpeg,webp,bpg --snr 0:20 --dataset photos --bpp 0.5 --out runs/photos

test: $(EXTRAS) lint
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --skip-covered

# A minute's subset with something of every package, for work in progress.
QUICK := $(addprefix tests/,test_packaging.py test_experiment.py test_identity.py baselines/test_modulation.py \
    baselines/test_scrambler.py baselines/test_capacity.py baselines/fec/test_wifi.py baselines/source/test_files.py \
    channels/test_channels.py channels/test_grammar.py cli/test_datasets.py data/test_images.py data/test_specs.py \
    engine/test_scheduler.py engine/test_store.py jscc/test_delta.py jscc/test_networks.py jscc/test_quantizer.py \
    output/test_paper_output.py scoring/test_aggregation.py scoring/test_image_quality.py tasks/test_classes.py \
    tasks/test_head.py tasks/test_layers.py)
quick: $(EXTRAS)
	$(BIN)/python -m pytest $(QUICK)

lint: $(EXTRAS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(EXTRAS)
	$(BIN)/zensical build --strict

# Everything that benchmarks/README.md speaks of; keep the machine otherwise idle.
benchmarks: $(EXTRAS)
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[benchmarks]'
	mkdir -p benchmarks/measured
	for name in fec compare sweep cost source_codecs networks tasks channels; do \
	    $(BIN)/python benchmarks/$$name.py > benchmarks/measured/$$name.txt || exit 1; \
	    cat benchmarks/measured/$$name.txt; \
	done

# torch is pinned to a CPU build by the constraints; the second pip call needs the first one's numpy.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@echo "setting up $(VENV) (about 1 GB, a few minutes the first time)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade pip
	$(BIN)/python -m pip install --constraint constraints.txt --editable .
	find linksim baselines jscc -name '*.nb[ic]' -delete  # compiled by an older checkout, whose modules may have moved
	touch $@

$(EXTRAS): $(STAMP)
	$(BIN)/python -m pip install --constraint constraints.txt setuptools wheel
	$(BIN)/python -m pip install --constraint constraints.txt --no-build-isolation 'pyldpc>=0.7.9'
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[all,dev]'
	touch $@

clean:
	rm -rf $(VENV) runs site
