PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: install demo test test-slow format lock clean

install: $(INSTALLED)

# One stamp: a second make installs nothing again, a changed lock does.
$(INSTALLED): requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	touch $@

demo: $(INSTALLED)
	$(BIN)/python train.py -m method=ad,fd pde=poisson2d

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pytest -n 2

test-slow: $(INSTALLED)
	$(BIN)/pytest -n 2 -m slow

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
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
