# What runs inside the tools tree (the Makefile enters it): compile, check, pack, test. Outputs go to build/.
# VARIANT=san compiles with clang, ASan and UBSan into build/san; the default is build/release with gcc.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
VARIANT ?= release
VERSION ?= $(shell cat VERSION)
STRONGSWAN ?= /nonexistent
O := build/$(VARIANT)

WARN := -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	-Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wimplicit-fallthrough
# strongSwan's interfaces take char * and void * for what they do not change, and its METHODs need not use every parameter.
PLUGIN_WARN := -Wno-write-strings -Wno-cast-qual -Wno-unused-parameter
ifeq ($(VARIANT),san)
CC := clang-19
OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDOPT := -fsanitize=address,undefined
else ifeq ($(VARIANT),fuzz)
CC := clang-19
OPT := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDOPT := -fsanitize=fuzzer,address,undefined
else
CC := gcc
OPT := -O2 -g -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=3
LDOPT := -Wl,-z,relro -Wl,-z,now -Wl,--as-needed
endif
CFLAGS := -std=gnu17 -D_GNU_SOURCE -DCULVERT_VERSION='"$(VERSION)"' $(OPT) $(WARN) -fPIC -fvisibility=hidden -ffile-prefix-map=$(CURDIR)=. -I.
PKGS := libnl-3.0 libnftables libconfig libsystemd jansson
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')

CONF_LIBS := -lconfig -lcrypto
ISOLATION_LIBS := -lnl-3 -lnftables
DAEMON_LIBS := -lsystemd -ljansson

# One archive a folder; the order is the order of inclusion, and of linking the other way round.
ARCHIVES := lib ikev2 conf appliance/isolation appliance/daemon appliance/cmd
src = $(filter-out %/main.c,$(wildcard $(1)/*.c))
archive = $(O)/$(1).a
objects = $(patsubst %.c,$(O)/%.o,$(1))

PROGRAMS := $(O)/culvertd $(O)/culvert
PLUGINS := $(patsubst plugins/%,$(O)/libstrongswan-%.so,$(wildcard plugins/culvert-*))
UNIT := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/*_test.c))
FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/tests/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
C_FILES := $(shell find lib ikev2 conf appliance plugins tests -name '*.[ch]' | sort)
SH_FILES := .ci/run image/deb/postinst image/deb/prerm image/deb/postrm $(shell find appliance conf ikev2 image plugins tests -name '*.sh' | sort)

.PHONY: all unit check install deb run test torture lab format lint sanitize fuzz reference bench bench-build
all: $(PROGRAMS) $(PLUGINS)

define archive_rule
$(O)/$(1).a: $(call objects,$(call src,$(1)))
	@rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach a,$(ARCHIVES),$(eval $(call archive_rule,$(a))))

$(call objects,$(wildcard plugins/*/*.c)): build/uses/STRONGSWAN
$(O)/%.o: %.c rules.mk
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<
# METHOD() calls through the interface's type: that is its idiom, not a fault.
PLUGIN_SAN := $(if $(filter san,$(VARIANT)),-fno-sanitize=function)
PLUGIN_FLAGS = $(PLUGIN_WARN) $(PLUGIN_SAN) -include $(STRONGSWAN)/build/config.h \
	-isystem $(STRONGSWAN)/src/src/libstrongswan -isystem $(STRONGSWAN)/src/src/libcharon
$(O)/plugins/%.o: EXTRA_CFLAGS = $(PLUGIN_FLAGS)

$(O)/culvertd: $(O)/appliance/daemon/main.o $(call archive,appliance/daemon) $(call archive,appliance/isolation) \
	$(call archive,conf) $(call archive,ikev2) $(call archive,lib)
	@echo "  LD $@"
	@$(CC) $(LDOPT) -pie -o $@ $^ $(DAEMON_LIBS) $(ISOLATION_LIBS) $(CONF_LIBS) -lm
$(O)/culvert: $(O)/appliance/cmd/main.o $(call archive,appliance/cmd) $(call archive,conf) $(call archive,ikev2) $(call archive,lib)
	@echo "  LD $@"
	@$(CC) $(LDOPT) -pie -o $@ $^ -ljansson $(CONF_LIBS) -lm

# What all plugins print with; each has its own copy.
PLUGIN_TEXT := plugins/culvert-conf/conf_text.c
define plugin_rule
$(O)/libstrongswan-$(1).so: $(call objects,$(sort $(wildcard plugins/$(1)/*.c) $(PLUGIN_TEXT))) $(call archive,conf) $(call archive,ikev2) $(call archive,lib)
	@echo "  LD $$@"
	@$(CC) $(LDOPT) -shared -o $$@ $$^ $(CONF_LIBS) -lm
endef
$(foreach p,$(notdir $(wildcard plugins/culvert-*)),$(eval $(call plugin_rule,$(p))))

# What tests must notice: charon with the policy switched off, and with its second or third line alone. Never installed.
POLICY_TESTS := $(patsubst %,build/%/libstrongswan-culvert-policy.so,off policy-hooks policy-look)
.PHONY: policy-off
policy-off: $(POLICY_TESTS)
build/off/%: POLICY_TEST := -DCULVERT_POLICY_OFF
build/policy-hooks/%: POLICY_TEST := -DCULVERT_POLICY_LINES=2
build/policy-look/%: POLICY_TEST := -DCULVERT_POLICY_LINES=4
$(POLICY_TESTS): $(wildcard plugins/culvert-policy/*.[ch] plugins/culvert-conf/*.h) $(call archive,conf) $(call archive,ikev2) $(call archive,lib) build/uses/STRONGSWAN
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(PLUGIN_FLAGS) $(POLICY_TEST) $(LDOPT) -shared -o $@ $(filter %.c,$^) $(filter %.a,$^) $(CONF_LIBS) -lm

$(O)/tests/unit/%_test: $(O)/tests/unit/%_test.o $(call archive,appliance/cmd) $(call archive,appliance/daemon) \
	$(call archive,appliance/isolation) $(call archive,conf) $(call archive,ikev2) $(call archive,lib)
	@echo "  LD $@"
	@$(CC) $(LDOPT) -o $@ $^ -lcmocka $(DAEMON_LIBS) $(ISOLATION_LIBS) $(CONF_LIBS) -lm
$(O)/tests/fuzz/%_fuzz: $(O)/tests/fuzz/%_fuzz.o $(call archive,appliance/isolation) $(call archive,conf) $(call archive,ikev2) $(call archive,lib)
	@echo "  LD $@"
	@$(CC) $(LDOPT) -o $@ $^ $(CONF_LIBS) -lm

# Benches: programs that take part, and the kernel that says yes to everything. Never installed.
BENCH_KERNEL := $(O)/tests/bench/libstrongswan-bench-kernel.so
BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$(O)/tests/bench/%,$(wildcard tests/bench/*.c))
$(call objects,$(wildcard tests/bench/bench_kernel/*.c)): build/uses/STRONGSWAN
$(O)/tests/bench/bench_kernel/%.o: EXTRA_CFLAGS = $(PLUGIN_FLAGS)
$(BENCH_KERNEL): $(call objects,$(wildcard tests/bench/bench_kernel/*.c))
	@echo "  LD $@"
	@$(CC) $(LDOPT) -shared -o $@ $^
$(BENCH_PROGRAMS): $(O)/tests/bench/%: $(O)/tests/bench/%.o $(call archive,appliance/daemon) $(call archive,appliance/isolation) \
	$(call archive,conf) $(call archive,ikev2) $(call archive,lib)
	@echo "  LD $@"
	@$(CC) $(LDOPT) -o $@ $^ $(DAEMON_LIBS) $(ISOLATION_LIBS) $(CONF_LIBS) -lm

# Files that change when another strongSwan or lab root is used than last time, so that what depends on them is made anew.
build/uses/%: FORCE
	@mkdir -p $(@D)
	@echo '$($*)' | cmp -s - $@ || echo '$($*)' >$@
.PHONY: FORCE

unit: $(UNIT)
check: all unit
	@tests/run.sh check
test: all unit deb bench-build policy-off
	@$(MAKE) -f rules.mk --no-print-directory VARIANT=san unit all
	@$(MAKE) -f rules.mk --no-print-directory VARIANT=fuzz fuzz-build
	@T='$(T)' tests/run.sh test
torture: all unit deb
	@$(MAKE) -f rules.mk --no-print-directory VARIANT=san all
	@T='$(T)' tests/run.sh torture

# bench: every measurement, B=PATTERN picks, BENCH_RUNS how often.
BENCH_RUNS ?= 5
bench-build: all $(BENCH_KERNEL) $(BENCH_PROGRAMS)
bench: bench-build
	@LABDIR=$(CURDIR)/build/lab python3 -B tests/bench/run.py --runs $(BENCH_RUNS) '$(B)'

# The one place that says which file goes where; lab, package and image are made from it.
install:
	@image/install.sh build/release '$(STRONGSWAN)' '$(DESTDIR)'
DEB := build/culvert_$(VERSION)_amd64.deb
deb: $(DEB)
$(DEB): $(PROGRAMS) $(PLUGINS) build/uses/STRONGSWAN image/install.sh image/deb.sh $(wildcard image/deb/* appliance/units/* plugins/*/*.conf conf/*.example conf/*.5 appliance/daemon/*.8) VERSION
	@image/deb.sh '$(STRONGSWAN)' $@

# What tests of the lab preload.
build/release/tests/lab/%.so: tests/lab/%.c
	@mkdir -p $(@D)
	@gcc -std=gnu17 -O1 -Wall -Wextra -Werror -fPIC -shared -o $@ $<

# What they run there.
$(O)/tests/lab/known: $(O)/tests/lab/known.o $(call archive,appliance/isolation) $(call archive,conf) $(call archive,ikev2) \
	$(call archive,lib)
	@echo "  LD $@"
	@$(CC) $(LDOPT) -o $@ $^ $(ISOLATION_LIBS) $(CONF_LIBS) -lm

LAB := build/lab/disk.ext4
$(LAB): $(DEB) build/uses/LABROOT tests/lab/image.sh
	@echo "  lab machine's disk"
	@tests/lab/image.sh '$(LABROOT)' $(DEB) build/lab
lab: $(LAB)
	@LABDIR=$(CURDIR)/build/lab tests/lab/lab.sh shell
run: $(LAB)
	@LABDIR=$(CURDIR)/build/lab ONCE='$(ONCE)' tests/lab/main-job.sh

format:
	clang-format -i $(C_FILES)

# clang-tidy takes seconds a file: a stamp, which depends on what the file includes, keeps it from looking twice at the same thing.
TIDY := $(patsubst %.c,build/tidy/%.ok,$(filter-out tests/%,$(filter %.c,$(C_FILES))))
TIDY_FLAGS = -std=gnu17 -D_GNU_SOURCE -DCULVERT_VERSION='""' -I. $(PKG_CFLAGS) $(if $(filter plugins/%,$<),$(PLUGIN_FLAGS))
build/tidy/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY $<"
	@gcc $(TIDY_FLAGS) -MM -MP -MT $@ -MF $(@:.ok=.d) $<
	@set -o pipefail; clang-tidy --quiet --warnings-as-errors='*' $< -- $(TIDY_FLAGS) 2>&1 | \
		{ grep -v -E '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' || [ $$? = 1 ]; }
	@touch $@
.PHONY: tidy
tidy: $(TIDY)
	@:
lint:
	@clang-format --dry-run --Werror $(C_FILES)
	@$(MAKE) -f rules.mk --no-print-directory -j$$(nproc) tidy
	@mkdir -p build/cppcheck
	@cppcheck --cppcheck-build-dir=build/cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=normalCheckLevelMaxBranches -I. -j$$(nproc) $(filter %.c,$(filter-out plugins/% tests/%,$(C_FILES)))
	@shellcheck -x -s bash $(SH_FILES)

sanitize:
	@$(MAKE) -f rules.mk --no-print-directory VARIANT=san unit
	@VARIANT=san tests/run.sh unit
FUZZ_SECONDS ?= 60
.PHONY: fuzz-build
fuzz-build: $(FUZZ)
fuzz:
	@$(MAKE) -f rules.mk --no-print-directory VARIANT=fuzz fuzz-build
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run.sh fuzz
reference: $(O)/tests/unit/reference_test
	@UPDATE_REFERENCE=1 $<

-include $(shell find $(O) build/tidy -name '*.d' 2>/dev/null)
