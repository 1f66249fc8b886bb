# make test runs everything, and is what CI runs. The other targets are its
# parts and the longer runs.

GO ?= go
# The two newest releases of Go. Tests run with the one at hand, the pure ones
# with the other, too.
GO_VERSIONS := go1.26.8 go1.27.4
PLATFORMS := darwin/arm64 windows/amd64 linux/386
# With the other byte order, which no test asks for but by way of the code.
BUILT_FOR := linux/s390x
# A number, not a time: at the end of its time go test -fuzz fails now and then
# with "context deadline exceeded".
FUZZTIME ?= 300x
BENCH ?= .
BENCHTIME ?= 1s

# A step counts what it proves in here. Another folder keeps two runs apart.
BUILD ?= .build
SUM := $(BUILD)/testsum -d $(BUILD)/steps

# Kernel tests run in a guest, which the race detector cannot do. They run in
# kernel-test, and are left out elsewhere.
KERNEL := ^(Test|Benchmark)Kernel
OTHER_GO = $(filter-out $(basename $(shell $(GO) env GOVERSION)).%,$(GO_VERSIONS))
# Examples whose dependencies are none of the library's.
MODULES = $(patsubst %/go.mod,%,$(wildcard examples/*/go.mod))
# All packages but the runner, whose tests do nothing but boot guests.
PURE = $(shell $(GO) list ./... | grep -v /internal/umltest)

# Guests and fuzzers want the machine for themselves, and deps comes first.
.NOTPARALLEL:

.PHONY: test deps lint analyse cross kernel-test exhaustive record race other-go fuzz-smoke fuzz bench examples lvm-size clean

test:
	@rm -rf $(BUILD)/steps
	@status=0; \
	$(MAKE) -k --no-print-directory deps lint cross kernel-test race other-go fuzz-smoke examples || status=1; \
	echo; $(SUM) total || status=1; \
	exit $$status

# What the tests need beside Go, on Debian and its kin: a kernel with
# device-mapper, lvm2 to compare with, and a C compiler for the race detector
# and for processors with AMX.
PACKAGES := user-mode-linux kmod lvm2 dmsetup thin-provisioning-tools udev e2fsprogs xfsprogs btrfs-progs util-linux mount fdisk cryptsetup-bin mdadm gcc libc6-dev
TOOLS := linux.uml modprobe lvm dmsetup thin_check udevadm mkfs.ext4 e2fsck mkfs.xfs mkfs.btrfs mkswap blkid losetup sfdisk cryptsetup mdadm gcc

deps:
	@PATH=$$PATH:/usr/sbin:/sbin; missing=; \
	for t in $(TOOLS); do command -v $$t >/dev/null || missing="$$missing $$t"; done; \
	[ -e /usr/include/stdio.h ] || missing="$$missing stdio.h"; \
	[ -n "$$missing" ] || exit 0; \
	echo "missing:$$missing"; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	if command -v apt-get >/dev/null && $$sudo true 2>/dev/null; then \
		$$sudo apt-get update -q && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(PACKAGES); \
	else \
		echo "install: $(PACKAGES)"; \
	fi

# One rule for all: the counter follows its sources.
$(BUILD)/testsum: $(wildcard internal/testsum/*.go)
	@mkdir -p $(BUILD)
	@$(GO) build -o $@ ./internal/testsum

lint: $(BUILD)/testsum
	@status=0; \
	$(SUM) check gofmt -- sh -c 'bad=$$(gofmt -l .); echo "not formatted: $$bad"; [ -z "$$bad" ]' || status=1; \
	$(SUM) check vet -- $(GO) vet ./... || status=1; \
	for m in $(MODULES); do \
		$(SUM) check "vet $$m" -- $(GO) -C $$m vet ./... || status=1; \
	done; exit $$status

# By hand, since they are fetched and built first: a minute, and for the second the
# database of vulnerabilities, which needs the network.
analyse:
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest ./...

# Code and tests, on systems without device-mapper, and with 32 bits.
cross: $(BUILD)/testsum
	@status=0; for p in $(PLATFORMS); do \
		$(SUM) check "vet $$p" -- env CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) vet ./... || status=1; \
	done; \
	for p in $(BUILT_FOR); do \
		$(SUM) check "build $$p" -- env CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build ./... || status=1; \
	done; exit $$status

# All tests with every layer: what is missing fails.
kernel-test: $(BUILD)/testsum
	@status=0; \
	$(SUM) tests "all tests" -- env CGO_ENABLED=0 LVM_TEST_REQUIRE=kernel,tools $(GO) test -json -timeout=20m ./... || status=1; \
	for m in $(MODULES); do \
		$(SUM) tests "tests of $$m" -- env CGO_ENABLED=0 LVM_TEST_REQUIRE=kernel,tools $(GO) -C $$m test -json -timeout=15m ./... || status=1; \
	done; exit $$status

# What the other runs leave out: a failure of every call of every change in every
# kind of trial, and every turn with lvm2.
exhaustive:
	env LVM_TEST_ALL=1 LVM_TEST_REQUIRE=kernel,tools CGO_ENABLED=0 $(GO) test -timeout=2h .

# What lvm2 makes of the scenarios that are compared with it, which a usual run does
# not ask it for again. See interop_recorded_kernel_test.go.
record:
	env LVM_TEST_RECORD=1 LVM_TEST_REQUIRE=kernel,tools CGO_ENABLED=0 $(GO) test -timeout=1h -run='^TestKernelInterop' .

# With fewer of the failures and crashes that are tried one by one: those are
# the same with each compiler, and of one goroutine. So are the longest of the
# others, which the race detector makes fifty times as long.
ONE_GOROUTINE := ^(TestCorpus.*|TestCrashInRing|TestCrashSnapshotFiles|TestMergeCrash|TestImagesOfMadeVolumes)$$
race: $(BUILD)/testsum
	@$(SUM) tests "race detector" -- env CGO_ENABLED=1 $(GO) test -json -race -short -shuffle=on -timeout=15m -skip='$(KERNEL)|$(ONE_GOROUTINE)' $(PURE)

# CI must have the other release. Elsewhere, a machine without network is told
# that this was left out.
other-go: $(BUILD)/testsum
	@for v in $(OTHER_GO); do \
		if [ -z "$$CI" ] && ! GOTOOLCHAIN=$$v $(GO) version >/dev/null 2>&1; then \
			$(SUM) skip "with $$v" "this release cannot be had"; \
		else \
			$(SUM) tests "with $$v" -- env CGO_ENABLED=0 GOTOOLCHAIN=$$v $(GO) test -json -short -timeout=15m -skip='$(KERNEL)' $(PURE); \
		fi || exit 1; \
	done

fuzz-smoke fuzz: $(BUILD)/testsum
	@status=0; for p in $(PURE); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			$(SUM) check "$${p##*/} $$f" -- $(GO) test -run='^$$' -fuzz="^$$f\$$" -fuzztime=$(FUZZTIME) $$p || status=1; \
		done; \
	done; exit $$status

fuzz: FUZZTIME = 10m

# Each example runs without arguments, in an empty folder. One that needs the
# kernel says so in its header, and runs in a guest.
examples: $(BUILD)/testsum
	@$(GO) build -o $(BUILD)/uml ./internal/umltest/cmd/uml
	@status=0; build=$$(cd $(BUILD) && pwd); \
	for d in $(wildcard examples/*/main.go); do \
		name=$$(basename $$(dirname $$d)); \
		CGO_ENABLED=0 $(GO) -C $$(dirname $$d) build -o $$build/examples/$$name . || { status=1; continue; }; \
		uml=; ! grep -q '^// Needs the kernel' $$d || uml="$$build/uml --"; \
		empty=$$(mktemp -d); \
		$(SUM) check "example $$name" -- sh -c 'cd "$$1" && shift && exec "$$@"' sh $$empty $$uml $$build/examples/$$name || status=1; \
		rm -rf $$empty; \
	done; exit $$status
	@$(MAKE) --no-print-directory lvm-size

# What matters where the lvm command has little room and is started often.
lvm-size:
	@build=$$(mkdir -p $(BUILD) && cd $(BUILD) && pwd)/lvm-stripped; \
	CGO_ENABLED=0 $(GO) -C examples/lvm build -trimpath -ldflags '-s -w' -o $$build . && \
	began=$$(date +%s%N) && for n in 1 2 3 4 5 6 7 8 9 10; do $$build version >/dev/null 2>&1; done; \
	echo "lvm: $$(wc -c <$$build) bytes, static and stripped; $$($(GO) version -m $$build | grep -c '^[[:space:]]dep') modules;" \
		"started and ended in $$((($$(date +%s%N) - began) / 10000000)) ms" # a tenth, in milliseconds

bench:
	$(GO) test -run='^$$' -bench='$(BENCH)' -benchtime=$(BENCHTIME) -benchmem ./...

clean:
	rm -rf $(BUILD)
