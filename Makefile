# Two commands do everything on a fresh Debian: `make demo` and `make test`.
SHELL := /bin/sh
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: install  ## install what is needed, then show the whole story in the lab (root)
	$(BIN)/appliance lab demo

test: install-dev  ## install what is needed, then run every test (root: with real engines in namespaces)
	$(BIN)/pytest -n 3 --dist loadfile -m 'not packages'

packages:  ## .deb and .rpm for both machines into dist/
	packaging/install-packages.sh ca-certificates python3-dev python3-venv rpm xz-utils
	PYTHON=$(PYTHON) packaging/build.sh

test-packages: install-dev packages  ## the packages, installed in fresh Debians (root; debootstrap; below ten minutes)
	packaging/install-packages.sh debootstrap lintian rpmlint util-linux
	tests/packaging/alone.sh $(BIN)/pytest -n 2 --dist loadscope -m packages --durations 0 --durations-min 2 tests/packaging

test-engines: install  ## the golden configurations on the HAProxys of Debian 13 and 11 (root; debootstrap)
	packaging/install-engines.sh debootstrap
	$(BIN)/python tests/other_haproxys.py

check: install-dev  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-monitoring:  ## the alert rules, by Prometheus' own promtool (taken out of Debian's package, not installed)
	rm -rf build/prometheus && mkdir -p build/prometheus
	cd build/prometheus && apt-get download -q -o APT::Sandbox::User=root prometheus && dpkg-deb -x *.deb .
	cd monitoring && ../build/prometheus/usr/bin/promtool check rules alerts.yml
	cd monitoring && ../build/prometheus/usr/bin/promtool test rules alerts_test.yml
	rm -rf build/prometheus

bench: install  ## measure: following Marathon, and the VIP's moves in the lab (root, about twenty minutes)
	$(BIN)/python benchmarks/marathon.py
	$(BIN)/python benchmarks/cold.py
	$(BIN)/python benchmarks/vip.py
	$(BIN)/python benchmarks/vip_floating.py

soak: install-dev  ## every combination of verdicts on real keepalived, then ten minutes of random faults
	ELECTION_WALK=all $(BIN)/pytest -n 0 tests/integration/test_election.py
	$(BIN)/python benchmarks/soak_marathon.py

install: $(VENV)/installed  ## engines from the distribution, the package into .venv

install-dev: $(VENV)/installed-dev

$(VENV)/installed: pyproject.toml packaging/install-engines.sh packaging/install-packages.sh
	packaging/install-engines.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	$(BIN)/python -m compileall -q appliance
	$(BIN)/python -c 'from appliance import templating; templating.compile_all()'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	packaging/install-engines.sh bind9-dnsutils dnsmasq-base zookeeper
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:  ## remove what make created
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help demo test packages test-packages test-engines check check-monitoring bench soak install install-dev clean
