# shellcheck shell=sh disable=SC2034,SC2154 # set here for those that source it, and the other way round
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What the guest's halves of the clients share: the root that the clients are in, the devices they
# get, and who serves them. Sourced with the backend, intree or manifold, in $backend; the client's
# process is $client.

module=vfio_iommu_type1
debugfs=/sys/kernel/debug/$module
root=/mnt
passed=0 failed=0

check() {
	what=$1
	shift
	if "$@"; then
		echo "ok $what"
		passed=$((passed + 1))
	else
		echo "FAIL $what"
		failed=$((failed + 1))
	fi
}

die() {
	echo "FAIL $1"
	exit 1
}

# Ends the script with what it found.
finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

# The root comes by 9p, and can't be written to; what a client writes goes to its own /tmp.
enter_root() {
	for needed in virtio_pci 9pnet_virtio 9p; do
		modprobe "$needed" || die "no $needed in this kernel"
	done
	mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=262144,cache=loose clients "$root" ||
		die "can't mount the clients' root"
	for folder in dev proc sys; do
		mount --rbind "/$folder" "$root/$folder"
	done
	mount -t tmpfs tmp "$root/tmp"
	mount -t tmpfs run "$root/run"
}

# in_root PROGRAM ARGUMENT...: becomes the program, so that it is the client's process; with a buffer
# of a line for its output
in_root() {
	exec env -i PATH=/usr/sbin:/usr/bin HOME=/root chroot "$root" stdbuf -oL "$@"
}

# address ID: the PCI addresses of the devices of that vendor and device
address() {
	for device in /sys/bus/pci/devices/*; do
		[ "$(cat "$device/vendor"):$(cat "$device/device")" != "$1" ] || echo "${device##*/}"
	done
}

# bind ADDRESS...: hands devices to vfio-pci
bind() {
	for address in "$@"; do
		echo vfio-pci > "/sys/bus/pci/devices/$address/driver_override"
		echo "$address" > /sys/bus/pci/drivers_probe
		[ "$(basename "$(readlink "/sys/bus/pci/devices/$address/driver")")" = vfio-pci ] ||
			die "$address could not be bound to vfio-pci"
	done
}

# Pages that are pinned for DMA in all of the machine.
pins() {
	cat /proc/sys/vm/stat_refresh > /dev/null # what each processor has counted on its own
	awk '/^nr_foll_pin_acquired/ { n += $2 } /^nr_foll_pin_released/ { n -= $2 } END { print n }' \
		/proc/vmstat
}

users() {
	cat "/sys/module/$module/refcnt"
}

# Which of the two modules of that name is loaded can be seen: only Manifold has a debugfs folder.
right_backend() {
	case $backend in
	intree) ! [ -e "$debugfs" ] ;;
	manifold) [ -d "$debugfs" ] ;;
	esac
}

containers() {
	find "$debugfs" -mindepth 1 -maxdepth 1 | wc -l
}

no_container() {
	[ "$backend" = intree ] || [ "$(containers)" -eq 0 ]
}

# After vfio-bind and before the client: nobody uses the backend.
before() {
	check "the module is $backend's" right_backend
	check "nobody uses it yet" no_user
	pins_before=$(pins)
}

# What a container's status says behind WORD
status_of() {
	awk -v word="$2" 'index($0, word) == 1 { print $(split(word, unused, " ") + 1); exit }' "$1/status"
}

# serves NAME GROUPS PAGES: Manifold has a container, opened by a program of that name, that
# holds the groups, and the pages
serves() {
	for folder in "$debugfs"/*/; do
		case $(status_of "$folder" 'opened by') in
		"$1["*) ;;
		*) continue ;;
		esac
		sed 's/^/    /' "${folder}status" "${folder}domains"
		[ "$(status_of "$folder" groups)" -eq "$2" ] &&
			[ "$(status_of "$folder" domains)" -ge 1 ] &&
			[ "$(status_of "$folder" mappings)" -ge 1 ] &&
			[ "$(status_of "$folder" 'pages pinned')" -ge "$3" ]
		return
	done
	return 1
}

no_user() {
	[ "$(users)" -eq 0 ]
}

used() {
	[ "$(users)" -ge 1 ]
}

# Manifold holds a huge page, which is 512 pages here, by one pin.
pinned() {
	least=$1
	[ "$backend" = intree ] || least=$((($1 + 511) / 512))
	[ $(($(pins) - pins_before)) -ge "$least" ]
}

nothing_pinned() {
	[ "$(pins)" -eq "$pins_before" ]
}

# during NAME GROUPS PAGES: while the client has its devices, the backend under test is what it is
# served by
during() {
	[ "$backend" = intree ] ||
		check "Manifold's container of $1: $2 group(s), $3 or more pages" serves "$@"
	check "the module is in use" used
	check "the kernel has pins for $3 or more pages" pinned "$3"
	echo "    $(($(pins) - pins_before)) pins"
}

# After the client has ended, nothing of it is left.
after() {
	check "no container is left" no_container
	check "the module is out of use" no_user
	check "no page is left pinned" nothing_pinned
}

# until_true COMMAND...: waits until the command succeeds or the client, process $client, has ended;
# fails in the second case
until_true() {
	while ! "$@"; do
		kill -0 "$client" 2> /dev/null || return 1
		sleep 1
	done
}

says() {
	grep -qE -- "$1" "$2"
}
