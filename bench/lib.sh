# shellcheck shell=bash disable=SC2034 # what is set here is used by those that source it
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What bench/run and bench/profile share: the machine that vfio-bench runs in. Sourced after vm/lib.sh.

bench_program=$TOP_DIR/build/vm/bench/vfio-bench
bench_results=$TOP_DIR/build/bench
bench_logs=$TOP_DIR/build/logs/bench

# bench_prepare: what is the same for all kernels
bench_prepare() {
	"$TOP_DIR/scripts/need" vm module user >&2 || exit 3
	"$TOP_DIR/tests/vm/build" >&2
	mkdir -p "$bench_results" "$bench_logs"
}

# bench_build KERNEL: the module, as it is now, and the rig
bench_build() {
	local log=$bench_logs/build-$1
	"$VM_DIR/kernel" "$1" --print release >/dev/null || die 3 "no kernel of series $1"
	{ "$TOP_DIR/scripts/module" --kernel "$1" && "$TOP_DIR/tests/rig/build" "$1"; } >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		die 1 "the modules do not build for $1"
	}
}

# bench_boot KERNEL UNIT MIB HUGE-MIB VM-ARGUMENT... -- ARGUMENT...: vfio-bench in a VM, with so much
# in small pages and in huge ones. SCRIPT, if it is set, is a command for the guest's shell after it.
bench_boot() {
	local kernel=$1 unit=$2 size=$3 huge=$4 release bar=2 with=() script cpu
	shift 4
	while [[ $1 != -- ]]; do
		with+=("$1")
		shift
	done
	shift
	release=$("$VM_DIR/kernel" "$kernel" --print release)
	while ((bar * 2 <= huge)); do
		bar=$((bar * 2))
	done
	case $unit in
	amd) with+=(--unit amd-iommu) ;;
	*) with+=(--caching-mode "${unit#vtd-cm-}") ;;
	esac
	# No interrupt is taken, so none need be isolated, which amd-iommu does not do there.
	# shellcheck disable=SC2016 # for the guest's shell
	script='vfio-bind >/dev/null && for option in /sys/module/*/parameters/allow_unsafe_interrupts; do
			echo 1 >$option
		done && modprobe manifold_rig && vfio-bench "$@"'
	# With the string instructions that a kernel finds on a machine, for they are what is counted;
	# vm/run has it do without.
	cpu=max,la57=off
	# The pool of huge pages is never given back. Besides, the larger of the two, and room to make
	# huge pages of what was small.
	"$VM_DIR/run" --kernel "$kernel" --timeout 7200 ${with[@]+"${with[@]}"} \
		--memory $((huge + (size > huge ? size : huge) * 5 / 4 + 900)) --hugepages $((huge / 2 + 2)) \
		--modules-add "$TOP_DIR/build/rig/$release" \
		--qemu-arg -object --qemu-arg "memory-backend-ram,id=shared,size=${bar}M" \
		--qemu-arg -device --qemu-arg "ivshmem-plain,memdev=shared,addr=09.0" \
		--add "$bench_program" --add "$TOP_DIR/build/modules/$release/vfio_manifold.ko" \
		--qemu-arg -cpu --qemu-arg "$cpu" \
		-- sh -c "$script${SCRIPT:+ && $SCRIPT}" sh --kernel "$kernel" --unit "$unit" \
		--manifold /run-files/vfio_manifold.ko --mib "$size" --huge-mib "$huge" "$@"
}
