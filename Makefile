# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The front door. Each target is one script; what it installs, it says.

.PHONY: help run check check-user check-arm64 lint module fuzz differential clients bench clean

help:
	@echo 'make run           boot a VM, load Manifold, do real DMA through it, show the container'
	@echo 'make check         every test, in user space and in VMs'
	@echo 'make check-user    the quick half: user space only'
	@echo 'make check-arm64   a machine with five SMMUv3 units; fetches 1 GB, no part of make check'
	@echo 'make clients       DPDK and QEMU, as Debian ships them, on both backends, in VMs; KERNEL=6.1,'
	@echo '                   6.12, 7.3, several with commas, or all says where (default 6.1)'
	@echo 'make differential  the same random requests to in-tree type1 and Manifold, for SECONDS=N'
	@echo 'make bench         Manifold beside its peers: instructions and time for the same work, in VMs,'
	@echo '                   and docs/performance.md again; KERNEL, WORK, BACKEND narrow it to a part'
	@echo '                   that is printed only; bench/run --help has more'
	@echo 'make fuzz          a long fuzzing run; SECONDS=N says how long (default 600)'
	@echo 'make lint          sparse, checkpatch, shellcheck and the like'
	@echo 'make module        build the kernel modules for the running kernel; KERNEL=6.1, 6.12 or 7.3'
	@echo '                   for a fetched Debian kernel, KDIR=... for any build tree'
	@echo 'make clean         remove build/ (the kernels in the cache stay)'

run:
	@scripts/run

check:
	@scripts/check

check-user:
	@scripts/check-user

check-arm64:
	@tests/vm/arm64/run

lint:
	@scripts/lint

module:
	@scripts/module $(if $(KERNEL),--kernel '$(KERNEL)') $(if $(KDIR),--kdir '$(KDIR)') \
		$(foreach v,CC VMLINUX VFIO,$(if $(filter command,$(firstword $(origin $(v)))),$(v)='$($(v))'))

fuzz: seconds = $(if $(filter command,$(firstword $(origin SECONDS))),$(SECONDS),600)
fuzz:
	@scripts/fuzz $(seconds)

differential: seconds = $(if $(filter command,$(firstword $(origin SECONDS))),$(SECONDS),600)
differential:
	@scripts/differential $(seconds)

clients:
	@tests/clients/run $(if $(KERNEL),--kernel '$(KERNEL)')

bench:
	@$(if $(KERNEL)$(WORK)$(BACKEND),bench/run,bench/full) \
		$(foreach v,KERNEL WORK BACKEND,$(if $($(v)),--$(shell echo $(v) | tr A-Z a-z) '$($(v))'))

clean:
	rm -rf build
