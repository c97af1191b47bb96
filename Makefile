PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: install demo paper paper-docs indicators test test-slow chromium test-browser bench
.PHONY: bench-peers format lock clean

install: $(INSTALLED)

# One stamp: a second make installs nothing again, a changed lock does.
$(INSTALLED): requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	touch $@

demo: $(INSTALLED)
	$(BIN)/python train.py -m method=ad,fd pde=poisson2d

# Every figure and number of the paper, into outputs/paper; about 20 minutes, and goes on where it was.
paper: $(INSTALLED)
	$(BIN)/python -m pinnspectra.paper

# The same, into docs/paper.md as well.
paper-docs: $(INSTALLED)
	$(BIN)/python -m pinnspectra.paper --docs

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pytest -n 2

test-slow: $(INSTALLED)
	$(BIN)/pytest -n 2 -m slow

# The report in a browser, with screenshots of it in outputs/browser.
BROWSER := .venv/.browser

$(BROWSER): $(INSTALLED) requirements-browser.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps \
	    -r requirements-browser.txt
	touch $@

# Debian's, which root alone may install.
chromium:
	@{ command -v chromium && command -v chromedriver; } > /dev/null || \
	    if test "$$(id -u)" = 0; then \
	        apt-get -qq update && apt-get -qq -y install chromium chromium-driver; \
	    else \
	        echo 'error: Chromium is missing: sudo apt-get install chromium chromium-driver' >&2; \
	        exit 1; \
	    fi

test-browser: chromium $(BROWSER)
	$(BIN)/pytest -m browser tests/browser

# About ten minutes: outputs/bench/*.json and docs/benchmarks.md. Nothing else should run meanwhile.
BENCHMARKS := gradient_step overhead kernel_spectrum startup growth

bench: $(INSTALLED)
	for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py || exit 1; done
	$(BIN)/python benchmarks/report.py

# Other packages, in an environment of their own, each with the torch of ours; one that cannot be
# installed is left out.
PEERS := .venv-peers
TORCH := $(shell grep '^torch==' requirements.txt)

bench-peers: $(INSTALLED)
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	-xargs -n 1 $(PEERS)/bin/python -m pip install --disable-pip-version-check --quiet $(TORCH) \
	    < benchmarks/requirements-peers.txt
	$(BIN)/python benchmarks/peers.py
	$(BIN)/python benchmarks/report.py

# Ten minutes of processor time, on two cores: outputs/indicators and docs/indicators/. Where members
# of a run diverge its exit code is 1; the study counts them.
indicators: $(INSTALLED)
	rm -rf outputs/indicators
	-printf '%s\n' 'train.py indicators' 'train.py indicators_2d' 'rfm_solve.py indicators_rfm' \
	    'rfm_solve.py indicators_rfm_2d' 'rfm_solve.py indicators_rfm_float32' \
	    | xargs -L 1 -P 2 sh -c '$(BIN)/python $$0 experiment=$$1'
	$(BIN)/python -m pinnspectra.indicators outputs/indicators
	mkdir -p docs/indicators
	cp outputs/indicators/indicators.md outputs/indicators/indicators_*.png docs/indicators/

# A minute: docs/keys.md, the table of docs/results.md and the pictures of docs/start.md and docs/idea.md.
PICTURES := outputs/pictures

.PHONY: docs

docs: $(INSTALLED)
	$(BIN)/python -m pinnspectra.keys > docs/keys.md
	$(BIN)/python -m pinnspectra.runs.quantities docs/results.md
	rm -rf $(PICTURES)
	$(BIN)/python train.py -m method=ad,fd pde=biharmonic logger=[csv] hydra.sweep.dir=$(PICTURES)
	$(BIN)/python train.py optimizer=adam max_steps=5000 logger=[csv] hydra.run.dir=$(PICTURES)/run
	$(BIN)/python examples/spectra_of_ad_and_fd.py
	$(BIN)/python examples/train_without_hydra.py
	mkdir -p docs/pictures
	cp $(PICTURES)/comparison.png $(PICTURES)/run/figures/solution.png outputs/examples/*.png \
	    docs/pictures/

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The lock from the ranges of pyproject.toml; needs pip-tools. A local torch build (+cpu) is not one.
lock:
	$(PYTHON) -m piptools compile --quiet --strip-extras --allow-unsafe --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --extra test --extra tensorboard --output-file requirements.txt pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+.*/\1/' requirements.txt
	echo '-e .' >> requirements.txt

clean:
	rm -rf .venv .venv-peers .pytest_cache .ruff_cache .hypothesis .import_linter_cache
