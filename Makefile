# Rempart. `make` builds build/<variant>/bin/*; see README.md for the two commands that do it all.
#
#   make [V=1] [CC=clang] [SAN=address,undefined] [COVERAGE=1]
#   make unit | bench | fuzz | lint | format | clean
#
# Sources are found by folder: a new .c file is built without touching this file.

CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
SAN     ?=
COVERAGE ?=
comma   := ,
VARIANT := $(CC)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COVERAGE),-cov)
O       := build/$(VARIANT)
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

WARN    := -Wall -Wextra -Wconversion -Wformat=2 -Wshadow -Wstrict-prototypes -Wvla \
           -Wno-missing-field-initializers -Werror
CFLAGS  ?= -O2 -g
HARDEN  := -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=3)
LDHARD  := -pie -Wl,-z,relro,-z,now
SANF    := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
COVF    := $(if $(COVERAGE),--coverage)
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
BASEF   := -std=gnu17 $(CFLAGS) $(WARN) $(HARDEN) $(SANF) $(COVF) -MMD -MP -D_GNU_SOURCE \
           -include src/base/banned.h -Isrc
LDF     := $(LDHARD) $(SANF) $(COVF) -pthread

# pkg-config's include folders become system ones, so that our warnings stay ours.
pcf      = $(shell pkg-config --cflags $(1) 2>/dev/null | sed 's/-I\//-isystem \//g')
pcl      = $(shell pkg-config --libs $(1) 2>/dev/null)

CONTROL_PC := libosip2 libuv libssl libcrypto libmicrohttpd jansson
DP_PC      := libdpdk
CTL_PC     := libcurl jansson

CF_src       := $(call pcf,yaml-0.1)
CF_control   := -Icontrol $(call pcf,$(CONTROL_PC))
CF_dataplane := -Idataplane $(call pcf,$(DP_PC))
CF_ctl       := $(call pcf,$(CTL_PC))
LL_src       := $(call pcl,yaml-0.1)
LL_control   := $(call pcl,$(CONTROL_PC)) $(LL_src) -lm
LL_dataplane := $(call pcl,$(DP_PC)) $(LL_src) -lm
LL_ctl       := $(call pcl,$(CTL_PC))

SRC_LIB  := $(wildcard src/base/*.c src/conf/*.c src/media/*.c)
SRC_D    := $(wildcard src/*.c)
SRC_CTL  := $(wildcard src/ctl/*.c)
SRC_CON  := $(wildcard control/*.c control/*/*.c)
SRC_DP   := $(wildcard dataplane/*.c)
obj       = $(patsubst %.c,$(O)/%.o,$(1))
OBJ_LIB  := $(call obj,$(SRC_LIB))
OBJ_D    := $(call obj,$(SRC_D))
OBJ_CTL  := $(call obj,$(SRC_CTL))
OBJ_CON  := $(call obj,$(SRC_CON))
OBJ_DP   := $(call obj,$(SRC_DP))

PROGS := $(if $(SRC_D),$(O)/bin/rempartd) $(if $(wildcard control/main.c),$(O)/bin/rempart-control) \
         $(if $(wildcard dataplane/main.c),$(O)/bin/rempart-dataplane) $(if $(SRC_CTL),$(O)/bin/rempartctl)

.PHONY: FORCE benches all unit bench fuzz fuzz-programs lint format clean
all: $(PROGS)

$(O)/libsrc.a: $(OBJ_LIB)
$(O)/libcontrol.a: $(filter-out $(O)/control/main.o,$(OBJ_CON))
$(O)/libdataplane.a: $(filter-out $(O)/dataplane/main.o,$(OBJ_DP))
$(O)/libctl.a: $(filter-out $(O)/src/ctl/main.o,$(OBJ_CTL))
$(O)/librempartd.a: $(filter-out $(O)/src/main.o,$(OBJ_D))
%.a:
	$(call say,AR,$@)
	@mkdir -p $(@D); rm -f $@
	$(Q)ar rcs $@ $^

$(O)/control/%.o:   CF := $(CF_control)
$(O)/dataplane/%.o: CF := $(CF_dataplane)
$(O)/src/ctl/%.o:   CF := $(CF_ctl)
$(O)/src/conf/%.o:  CF := $(CF_src)
# The version is in one object, which depends on a file that is touched only when the version is another.
$(O)/src/base/version.o: CF += -DREMPART_VERSION='"$(VERSION)"'
$(O)/src/base/version.o: $(O)/version.stamp
$(O)/version.stamp: FORCE
	@mkdir -p $(@D); echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
FORCE:
$(O)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASEF) $(CF) -c -o $@ $<

$(O)/bin/rempartd: $(O)/src/main.o $(O)/librempartd.a $(O)/libsrc.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDF) -o $@ $^ $(LL_src)
$(O)/bin/rempart-control: $(O)/control/main.o $(O)/libcontrol.a $(O)/libsrc.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDF) -o $@ $^ $(LL_control)
$(O)/bin/rempart-dataplane: $(O)/dataplane/main.o $(O)/libdataplane.a $(O)/libsrc.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDF) -o $@ $^ $(LL_dataplane)
$(O)/bin/rempartctl: $(O)/src/ctl/main.o $(O)/libctl.a $(O)/libsrc.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDF) -o $@ $^ $(LL_ctl) $(LL_src)

# Tests mirror the tree: tests/unit/<base|conf|media|control|dataplane|...>/test_*.c, one program each.
# tests/support/*.c is linked into all of them.
SUPPORT   := $(call obj,$(wildcard tests/support/*.c))
TESTS_ALL := $(wildcard tests/unit/*/test_*.c)
TESTS_DP  := $(filter tests/unit/dataplane/%,$(TESTS_ALL))
TESTS_CON := $(filter tests/unit/control/%,$(TESTS_ALL))
TESTS_CTL := $(filter tests/unit/ctl/%,$(TESTS_ALL))
TESTS_SRC := $(filter-out $(TESTS_DP) $(TESTS_CON) $(TESTS_CTL),$(TESTS_ALL))
BENCH_DP  := $(wildcard tests/bench/dataplane_*.c)
BENCH_CON := $(wildcard tests/bench/control_*.c)
exe        = $(patsubst %.c,$(O)/%,$(1))
UNITS     := $(call exe,$(TESTS_ALL))
BENCHES   := $(call exe,$(BENCH_DP) $(BENCH_CON))

$(O)/tests/unit/control/%.o $(patsubst %.c,$(O)/%.o,$(BENCH_CON)): CF := $(CF_control) -Itests/support
$(O)/tests/unit/dataplane/%.o $(patsubst %.c,$(O)/%.o,$(BENCH_DP)): CF := $(CF_dataplane) -Itests/support
$(O)/tests/unit/ctl/%.o: CF := $(CF_ctl)
$(O)/tests/%.o: CF += -Itests/support
$(call exe,$(TESTS_SRC)): $(O)/%: $(O)/%.o $(SUPPORT) $(O)/librempartd.a $(O)/libsrc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDF) -o $@ $^ -lcmocka $(LL_src)
$(call exe,$(TESTS_CTL)): $(O)/%: $(O)/%.o $(SUPPORT) $(O)/libctl.a $(O)/libsrc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDF) -o $@ $^ -lcmocka $(LL_ctl) $(LL_src)
$(call exe,$(TESTS_CON) $(BENCH_CON)): $(O)/%: $(O)/%.o $(SUPPORT) $(O)/libcontrol.a $(O)/libsrc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDF) -o $@ $^ -lcmocka $(LL_control)
$(call exe,$(TESTS_DP) $(BENCH_DP)): $(O)/%: $(O)/%.o $(SUPPORT) $(O)/libdataplane.a $(O)/libsrc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDF) -o $@ $^ -lcmocka $(LL_dataplane)

unit: $(UNITS)
	@scripts/check-unit $(UNITS)
benches: $(BENCHES)
bench: all $(BENCHES)
	@scripts/bench $(O)
# tests/fuzz/fuzz_*.c with libFuzzer: `make fuzz`, then build/<variant>/tests/fuzz/fuzz_x -max_total_time=60 DIR tests/fuzz/corpus/x
FUZZES    := $(call exe,$(wildcard tests/fuzz/fuzz_*.c))
$(O)/tests/fuzz/%.o: CF := $(CF_control) -Itests/support
$(FUZZES): $(O)/%: $(O)/%.o $(O)/libcontrol.a $(O)/libsrc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDF) -fsanitize=fuzzer -o $@ $^ $(LL_control)
fuzz:
	@$(MAKE) --no-print-directory CC=clang SAN=address,fuzzer-no-link fuzz-programs
fuzz-programs: $(FUZZES)
lint:
	@scripts/check-format
	@scripts/check-includes
	@scripts/check-tidy
format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i
clean:
	rm -rf build

.SECONDARY:
-include $(shell find $(O) -name '*.d' 2>/dev/null)
