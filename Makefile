# Culvert's front door. Everything below runs inside a Debian 13 tools tree that the first call makes; see `make help`.
# The rules that compile, check and pack are in rules.mk and run inside that tree.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test torture check install deb shell lab format lint sanitize fuzz reference bench clean tools tools-san

# Trees and downloads, kept between checkouts; each is named by the hash of what made it.
CACHE ?= $(if $(filter 0,$(shell id -u)),/var/cache/culvert,$(firstword $(wildcard /var/cache/culvert) $(HOME)/.cache/culvert))
# make run: ONCE=1 ends after the checks. make test, make torture: T=PATTERN picks tests by name.
ONCE ?=
T ?=
# make bench: B=PATTERN picks by name, BENCH_RUNS says how often each is measured.
B ?=
BENCH_RUNS ?= 5
STRONGSWAN_TARBALL ?=
DESTDIR ?=

IN_TREE := CACHE='$(CACHE)' image/tools/in-tree.sh

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## Culvert: the targets (the first call as root makes the tools tree, a few minutes)
##   make run        a gateway against a carrier in the lab machine, checked on the wire; Ctrl-C ends; ONCE=1: ends by itself, exit 0 only if all is well
##   make test       every test that CI runs; T=PATTERN: only those
##   make torture    the long random runs, hours; T=PATTERN: only those
##   make check      the quick ones, no lab machine and no root: unit, golden, lint
run: tools
	@$(IN_TREE) --lab make -f rules.mk --no-print-directory run ONCE='$(ONCE)'

test: tools-san
	@$(IN_TREE) --lab make -f rules.mk --no-print-directory test T='$(T)'

torture: tools-san
	@$(IN_TREE) --lab make -f rules.mk --no-print-directory torture T='$(T)'

check: tools
	@$(IN_TREE) make -f rules.mk --no-print-directory check

##   make install    puts the files where they belong, below DESTDIR
##   make deb        the Debian package, in build/
install: tools
	@$(IN_TREE) make -f rules.mk --no-print-directory all
	@make -f rules.mk --no-print-directory install DESTDIR='$(DESTDIR)' STRONGSWAN="$$(CACHE='$(CACHE)' image/tools/in-tree.sh --print strongswan)"

deb: tools
	@$(IN_TREE) make -f rules.mk --no-print-directory deb

##   make shell      a shell in the tools tree
##   make lab        a shell in the running lab machine (or in a new one)
shell: tools
	@$(IN_TREE) bash -i

lab: tools
	@$(IN_TREE) --lab make -f rules.mk --no-print-directory lab

##   make format     formats the C sources      make lint       format check, clang-tidy, cppcheck, shellcheck
##   make sanitize   unit tests under ASan and UBSan      make fuzz   fuzzes the config loader (FUZZ_SECONDS=60)
##   make reference  writes conf/REFERENCE.md anew from the schema
format lint sanitize fuzz reference: tools
	@$(IN_TREE) make -f rules.mk --no-print-directory $@

##   make bench      measures Culvert beside what does the same without it; B=PATTERN: only those; BENCH_RUNS=5
bench: tools
	@$(IN_TREE) --lab make -f rules.mk --no-print-directory bench B='$(B)' BENCH_RUNS='$(BENCH_RUNS)'

##   make clean      removes build/ (CACHE=DIR, /var/cache/culvert by default, holds the tools tree; delete it to start from nothing)
clean:
	rm -rf build

tools tools-san:
	@CACHE='$(CACHE)' STRONGSWAN_TARBALL='$(STRONGSWAN_TARBALL)' image/tools/prepare.sh $(patsubst tools-%,%,$(filter tools-%,$@))
