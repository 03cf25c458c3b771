# weir: Kafka Connect without the JVM. On a fresh Debian 12 two commands do everything:
#
#   make demo        dependencies, build, real brokers, three workers, a connector, a kill; "lost 0"
#   make test        dependencies, build, every unit and integration test
#
#   make             build/release and build/debug: the worker, its plugins
#   make deps        what apt has to install (with sudo when not root)
#   make unit        unit tests alone            make integration   real brokers alone
#   make faults      workers killed, frozen, cut off, brokers away: all of tests/faults
#   make prove       mqtt-source: 50 kills each way, outages, odd messages: all of tests/proofs
#   make test-brokers  five other MQTT brokers, alone and with killed workers: all of tests/brokers
#   make sanitize    unit tests under ASan+UBSan and TSan
#   make fuzz        every fuzzer a little, FUZZ_TOTAL (60) seconds for all; FUZZ_SECONDS=3600 for each
#   make bench       figures, printed            make lint          format, clang-tidy, includes
#   make bench-mqtt                              mqtt-source beside a minimal bridge; BENCH='flood --rounds 5'
#   make bench-failover                          how long a task is nowhere, N=10 times each way
#   make format      clang-format in place       make install       DESTDIR, PREFIX (/usr/local)
#   make docs        docs/config.md from the option tables
#   make deb         a Debian package: build/deb/weir_<version>_<architecture>.deb
#   make compile_commands.json                   make clean
#
# V=1 shows the commands  MODE=release|debug|asan|tsan|fuzz  WERROR=1  CC=clang  BUILD_ROOT=build  TESTS=<pytest arguments>
# TEST_JOBS=2: how many tests on real brokers at a time, each with brokers of its own

MODE       ?= debug
BUILD_ROOT ?= build
BUILD      := $(BUILD_ROOT)/$(MODE)
PREFIX     ?= /usr/local
PYTHON     ?= /usr/bin/python3
VERSION    := $(shell cat VERSION)
COMMIT     := $(shell git rev-parse --short=16 HEAD 2>/dev/null || echo unknown)

APT := build-essential pkg-config git librdkafka-dev libpaho-mqtt-dev libmicrohttpd-dev \
       libjansson-dev uuid-dev libcurl4-openssl-dev libssl-dev libtre-dev check clang clang-format clang-tidy \
       libclang-rt-14-dev curl jq python3 python3-pytest python3-pytest-timeout python3-pytest-xdist \
       python3-confluent-kafka python3-paho-mqtt \
       openjdk-17-jre-headless maven mosquitto mosquitto-clients kcat openssl
# What only make test-deploy needs; what only make deb needs.
APT_DEPLOY := docker.io docker-compose debootstrap iptables iproute2
APT_DEB    := build-essential debhelper lintian $(filter pkg-config git %-dev,$(APT))

# Of test-brokers alone: HiveMQ's few lines are compiled, other releases' packages unpacked.
APT_BROKERS := openjdk-17-jdk-headless util-linux tar dpkg debian-archive-keyring

Q          := $(if $(V),,@)

# ---- Flavours ------------------------------------------------------------------------------

OPTIMIZE.release := -O2 -g -DNDEBUG
OPTIMIZE.debug   := -O1 -g
OPTIMIZE.asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPTIMIZE.tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPTIMIZE.fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
LINK.asan        := -fsanitize=address,undefined
LINK.tsan        := -fsanitize=thread
LINK.fuzz        := -fsanitize=address,undefined

PACKAGES := rdkafka jansson libmicrohttpd libcurl uuid
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
            $(if $(WERROR),-Werror)
INCLUDES := -I. -Iworker -Iconnectors/include
FLAGS     = -std=c11 -D_GNU_SOURCE -pthread -fPIC -fvisibility=hidden $(WARNINGS) $(OPTIMIZE.$(MODE)) \
            $(INCLUDES) $(PKG_CFLAGS)
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
CHECK    := $(shell pkg-config --libs check 2>/dev/null)
LIBS     := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -ldl -lm

# ---- The house -----------------------------------------------------------------------------
# A layer may use what is named here and nothing else: the linker and `make lint` check it.

LAYERS         := base watch config kafka history plugin record task herder rest-api
NEEDS.base     :=
NEEDS.watch    := base
NEEDS.config   := base
NEEDS.kafka    := config base
NEEDS.history  := kafka config base
NEEDS.plugin   := config base
NEEDS.record   := config base
NEEDS.task     := record plugin kafka config base
NEEDS.herder   := watch task record plugin kafka config base
NEEDS.rest-api := herder watch task record plugin kafka config base

folder   = $(if $(filter rest-api,$(1)),rest-api,worker/$(1))
sources  = $(wildcard $(call folder,$(1))/*.c)
archives = $(foreach layer,$(1) $(NEEDS.$(1)),$(BUILD)/$(layer).a)
objects  = $(patsubst %.c,$(BUILD)/%.o,$(1))

CONNECTORS := $(notdir $(patsubst %/,%,$(filter-out connectors/include/,$(wildcard connectors/*/))))
LIBS.mqtt-source := -lpaho-mqtt3a -ltre $(shell pkg-config --libs openssl 2>/dev/null)

WEIR    := $(BUILD)/weir
PLUGINS := $(CONNECTORS:%=$(BUILD)/plugins/%.so)
FIXTURES := $(patsubst tests/plugins/%.c,$(BUILD)/tests/plugins/%.so,$(wildcard tests/plugins/*.c))
PRELOADS := $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/support/*.c))

UNIT_WORKER := $(foreach layer,$(LAYERS),$(wildcard tests/unit/$(layer)/test_*.c))
UNIT_CONN   := $(wildcard tests/unit/connectors/*/test_*.c)
UNIT        := $(patsubst %.c,$(BUILD)/%,$(UNIT_WORKER) $(UNIT_CONN))
ON_BROKERS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/integration/*/test_*.c))
BENCHES     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/bench_*.c))
FUZZERS     := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all both build deps unit integration faults prove test test-deploy sanitize fuzz bench lint format docs demo install \
        clean help unit-programs
.SECONDARY:

all: both
both:
	@$(MAKE) --no-print-directory MODE=release build
	@$(MAKE) --no-print-directory MODE=debug build
build: $(WEIR) $(PLUGINS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $(MODE) $<")
	$(Q)$(CC) $(FLAGS) $(EXTRA.$(<D)) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# The one file that knows which weir this is.
$(BUILD)/worker/base/version.o: CPPFLAGS += -DWEIR_VERSION='"$(VERSION)"' -DWEIR_COMMIT='"$(COMMIT)"'
$(BUILD)/worker/base/version.o: VERSION $(wildcard .git/logs/HEAD)

define layer_rules
$(BUILD)/$(1).a: $(call objects,$(call sources,$(1)))
	@rm -f $$@
	@mkdir -p $$(@D)
	$(Q)$(AR) rcs $$@ $$^
$(BUILD)/tests/unit/$(1)/test_%: $(BUILD)/tests/unit/$(1)/test_%.o $(call archives,$(1)) $(FIXTURES)
	$(Q)$(CC) $(OPTIMIZE.$(MODE)) $(LINK.$(MODE)) -rdynamic $$< $(call archives,$(1)) $(LIBS) $(CHECK) $(LDFLAGS) -o $$@
# Programs of a layer that need real brokers; pytest runs them.
$(BUILD)/tests/integration/$(1)/test_%: $(BUILD)/tests/integration/$(1)/test_%.o $(call archives,$(1))
	$(Q)$(CC) $(OPTIMIZE.$(MODE)) $(LINK.$(MODE)) -rdynamic $$< $(call archives,$(1)) $(LIBS) $(CHECK) $(LDFLAGS) -o $$@
endef
$(foreach layer,$(LAYERS),$(eval $(call layer_rules,$(layer))))

define connector_rules
EXTRA.connectors/$(1) := -Iconnectors/$(1)
EXTRA.tests/unit/connectors/$(1) := -Iconnectors/$(1)
$(BUILD)/plugins/$(1).so: $(call objects,$(wildcard connectors/$(1)/*.c))
	@mkdir -p $$(@D)
	$(Q)$(CC) -shared -Wl,-z,nodelete $(OPTIMIZE.$(MODE)) $(LINK.$(MODE)) $$^ $(LIBS.$(1)) -pthread $(LDFLAGS) -o $$@
$(BUILD)/tests/unit/connectors/$(1)/test_%: $(BUILD)/tests/unit/connectors/$(1)/test_%.o $(call objects,$(wildcard connectors/$(1)/*.c))
	$(Q)$(CC) $(OPTIMIZE.$(MODE)) $(LINK.$(MODE)) $$^ $(LIBS.$(1)) $(CHECK) -lm -pthread $(LDFLAGS) -o $$@
endef
$(foreach connector,$(CONNECTORS),$(eval $(call connector_rules,$(connector))))

IN_WEIR := $(BUILD)/worker/service.o $(BUILD)/history.a $(call archives,rest-api)
$(WEIR): $(BUILD)/worker/main.o $(IN_WEIR)
	$(Q)$(CC) $(OPTIMIZE.$(MODE)) $(LINK.$(MODE)) -rdynamic $< $(IN_WEIR) $(LIBS) -pthread $(LDFLAGS) -o $@

$(BUILD)/tests/plugins/%.so: $(BUILD)/tests/plugins/%.o
	$(Q)$(CC) -shared $(OPTIMIZE.$(MODE)) $(LINK.$(MODE)) $^ $(LDFLAGS) -o $@

# Preloaded into workers under test, before any sanitizer's runtime: without one of its own.
$(BUILD)/tests/support/%.so: tests/support/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -pthread -fPIC -fvisibility=hidden $(WARNINGS) -O1 -g $(CPPFLAGS) -shared $< $(LDFLAGS) -o $@

# ---- Tests ---------------------------------------------------------------------------------

unit-programs: $(UNIT)
unit: unit-programs
	@BUILD=$(BUILD) tests/run-unit $(UNIT)

ON_KAFKA = WEIR_BUILD=$(BUILD) $(PYTHON) -m pytest -q
# Two runs side by side, each with brokers of its own: most of a test is waiting.
TEST_JOBS ?= 2
integration: build $(FIXTURES) $(PRELOADS) $(ON_BROKERS)
	$(ON_KAFKA) -n $(TEST_JOBS) $(or $(TESTS),tests/integration tests/faults tests/proofs \
	    -m 'fast or not (faults or proofs)')

faults: build $(FIXTURES) $(PRELOADS)
	$(ON_KAFKA) $(if $(findstring tests/,$(TESTS)),,tests/faults) $(TESTS)

# -s: figures are shown as they come.
prove: build $(PRELOADS)
	$(ON_KAFKA) -s $(if $(findstring tests/,$(TESTS)),,tests/proofs) $(TESTS)

# Downloads brokers, once. -s: figures are shown as they come; -rs: what a broker does not have.
test-brokers: deps
	@deploy/deps $(APT_BROKERS)
	@$(MAKE) --no-print-directory build $(PRELOADS)
	$(ON_KAFKA) -s -rs $(if $(findstring tests/,$(TESTS)),,tests/brokers) $(TESTS)
.PHONY: test-brokers

# A Docker engine of its own; skipped, loudly, where none can run. -s: recovery times are shown.
test-deploy:
	@deploy/deps $(APT) $(APT_DEPLOY) $(APT_DEB) systemd
	$(ON_KAFKA) -s $(if $(findstring tests/,$(TESTS)),,tests/deploy) $(TESTS)

test: deps
	@$(MAKE) --no-print-directory both
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory integration

# With -j side by side: while one waits in its tests, the other compiles.
sanitize: sanitize-asan sanitize-tsan
sanitize-%:
	$(MAKE) MODE=$* unit

# All fuzzers together take FUZZ_TOTAL seconds, FUZZ_JOBS at a time; FUZZ_SECONDS is one's share.
FUZZ_TOTAL   ?= 60
FUZZ_JOBS    ?= 2
FUZZ_SECONDS ?= $(shell expr 1 + $(FUZZ_TOTAL) \* $(FUZZ_JOBS) / $(words $(FUZZERS)))
FUZZ_SOURCES := $(call objects,$(foreach layer,base config kafka history plugin record,$(call sources,$(layer))) $(wildcard connectors/mqtt-source/*.c))
EXTRA.tests/fuzz := $(foreach connector,$(CONNECTORS),-Iconnectors/$(connector))
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_SOURCES)
	@mkdir -p $(@D)
	$(Q)clang -fsanitize=address,undefined,fuzzer $^ $(LIBS) $(LIBS.mqtt-source) -pthread -o $@
fuzz:
	$(MAKE) MODE=fuzz CC=clang fuzz-run
.PHONY: fuzz-run
fuzz-run: $(FUZZERS)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_JOBS=$(FUZZ_JOBS) tests/run-fuzzers $(FUZZERS)

$(BUILD)/tests/bench/bench_%: $(BUILD)/tests/bench/bench_%.o $(call archives,task)
	$(Q)$(CC) $(OPTIMIZE.$(MODE)) $(LINK.$(MODE)) -rdynamic $< $(call archives,task) $(LIBS) $(LDFLAGS) -o $@
bench-programs: $(BENCHES)
.PHONY: bench-programs

# What bench-mqtt measures with; lone_task is the one of ours, the others do not know weir.
BENCH_MQTT := $(addprefix $(BUILD)/tests/bench/,flood_broker mqtt_publisher minimal_bridge judge mock_kafka)
$(BENCH_MQTT): $(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/tests/bench/common.o
	$(Q)$(CC) $(OPTIMIZE.$(MODE)) $(LINK.$(MODE)) $^ -lrdkafka -lm $(LDFLAGS) -o $@
$(BUILD)/tests/bench/lone_task: $(BUILD)/tests/bench/lone_task.o $(call archives,task)
	$(Q)$(CC) $(OPTIMIZE.$(MODE)) $(LINK.$(MODE)) -rdynamic $< $(call archives,task) $(LIBS) $(LDFLAGS) -o $@
bench-mqtt-programs: build $(BENCH_MQTT) $(BUILD)/tests/bench/lone_task
bench-mqtt:
	@$(MAKE) --no-print-directory MODE=release bench-mqtt-programs
	@WEIR_BUILD=$(BUILD_ROOT)/release $(PYTHON) tests/bench/mqtt $(BENCH)
.PHONY: bench-mqtt bench-mqtt-programs
bench:
	@$(MAKE) --no-print-directory MODE=release bench-programs bench-mqtt-programs
	@tests/bench/run $(BUILD_ROOT)/release

bench-failover:
	@$(MAKE) --no-print-directory MODE=release build bench-preloads
	@WEIR_BUILD=$(BUILD_ROOT)/release $(PYTHON) tests/bench/failover $(or $(N),10)
bench-preloads: $(PRELOADS)
.PHONY: bench-failover bench-preloads

# ---- Care ----------------------------------------------------------------------------------

C_FILES = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h')

TIDY_FILES = $(filter-out tests/%,$(filter %.c,$(C_FILES)))
TIDY_JOBS ?= $(shell nproc 2>/dev/null || echo 2)

# clang-tidy counts aloud what it hid; only what it found is shown.
lint: compile_commands.json build
	clang-format --dry-run --Werror $(C_FILES)
	tests/check-includes
	$(WEIR) config --markdown $(BUILD)/plugins | diff -u docs/config.md - # else: make docs
	@echo 'clang-tidy of $(words $(TIDY_FILES)) files'
	@printf '%s\n' $(TIDY_FILES) | xargs -P$(TIDY_JOBS) -n1 \
	    sh -c 'said=$$(clang-tidy --quiet -p . "$$0" 2>&1) || { echo "$$said"; exit 1; }'

format:
	clang-format -i $(C_FILES)

# The version is text in quotes: one pair for C, \ for the shell that is meant, \ for JSON. A worker
# does not see into connectors, one of which has a link.h that is not the system's.
compile_commands.json: FORCE
	@{ echo '['; separator=; for f in $(filter %.c,$(C_FILES)); do \
	    case $$f in worker/*|rest-api/*) own= ;; *) own='$(CONNECTORS:%=-Iconnectors/%)' ;; esac; \
	    printf '%s{"directory":"%s","file":"%s","command":"%s -c %s"}' "$$separator" "$(CURDIR)" "$$f" \
	        "$(CC) $(FLAGS) $$own"' -DWEIR_VERSION=\\\"0\\\" -DWEIR_COMMIT=\\\"0\\\"' "$$f"; \
	    separator=$$(printf ',\nx'); separator=$${separator%x}; done; echo ']'; } >$@
FORCE:
.PHONY: FORCE

docs: build
	$(WEIR) config --markdown $(BUILD)/plugins >docs/config.md

deps:
	@deploy/deps $(APT)

demo: deps
	@$(MAKE) --no-print-directory MODE=release build
	@BUILD=$(BUILD_ROOT)/release deploy/demo

install:
	@$(MAKE) --no-print-directory MODE=release build
	install -D -m 755 $(BUILD_ROOT)/release/weir $(DESTDIR)$(PREFIX)/bin/weir
	install -d $(DESTDIR)$(PREFIX)/lib/weir/plugins $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/weir
	install -m 755 $(CONNECTORS:%=$(BUILD_ROOT)/release/plugins/%.so) $(DESTDIR)$(PREFIX)/lib/weir/plugins/
	install -m 644 connectors/include/weir_plugin.h $(DESTDIR)$(PREFIX)/include/
	cp -R configs $(DESTDIR)$(PREFIX)/share/weir/
	sed -i 's|^plugin.path=.*|plugin.path=$(PREFIX)/lib/weir/plugins|' $(DESTDIR)$(PREFIX)/share/weir/configs/worker.properties
	install -D -m 644 deploy/man/weir.1 $(DESTDIR)$(PREFIX)/share/man/man1/weir.1

deb:
	@deploy/deps $(APT_DEB)
	@deploy/deb $(BUILD_ROOT)/deb
.PHONY: deb

clean:
	rm -rf $(BUILD_ROOT) compile_commands.json

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
