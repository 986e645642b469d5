# eventstore: an event store inside PostgreSQL.  Builds with PGXS.
#
#   make            build            make install     install
#   make check-all  every kind of test (tools/test sets everything up first)

EXTENSION = eventstore
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" eventstore.control)
MODULE_big = eventstore
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c src/*/*.c))
DATA_built = eventstore--$(EXTVERSION).sql
DOCS = doc/eventstore.md doc/drivers.md
EXTRA_CLEAN = $(DATA_built) output_iso test/output tmp_check

PG_CONFIG ?= pg_config
# -isystem keeps warnings in the server's headers out of ours.
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server) -I$(srcdir)/src \
	-DPGDLLEXPORT='__attribute__((visibility("default")))'
PG_CFLAGS = -Wall -Wextra -fvisibility=hidden

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=eventstore
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(srcdir)/test --load-extension=eventstore
TAP_TESTS = 1
PROVE_TESTS ?= test/t/*.pl

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Each kernel is compiled for its own instruction set, and nothing else is.
include $(srcdir)/src/kernel/flags.mk
define kernel_rules
src/kernel/$(1).o: override CFLAGS += $(KERNEL_FLAGS_$(1))
src/kernel/$(1).bc: override BITCODE_CFLAGS += $(KERNEL_FLAGS_$(1))
endef
$(foreach kernel,kernel_v128 kernel_avx2 kernel_avx512,$(eval $(call kernel_rules,$(kernel))))

# PGXS knows nothing of headers.
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h src/*/*.h) src/kernel/flags.mk

eventstore--$(EXTVERSION).sql: $(sort $(wildcard sql/ddl/*.sql)) eventstore.control
	cat $(filter %.sql,$^) > $@
