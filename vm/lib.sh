# shellcheck shell=bash disable=SC2034 # what is set here is used by those that source it
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What the scripts of vm/ share: where the cache is, how to fail, the table of kernels.
# Sourced after `set -euo pipefail`.

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP_DIR=$(dirname "$VM_DIR")
CACHE=${MANIFOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/manifold}
PROGRAM=$(realpath --relative-to="$TOP_DIR" "$0")

# die STATUS MESSAGE
die() {
	echo "$PROGRAM: $2" >&2
	exit "$1"
}

# series -> suites. A suite is named without its archive: -security
# suites come from the security archive, all others from the main one.
declare -A KERNEL_SUITES=(
	[6.1]="bookworm bookworm-security"
	[6.12]="bookworm-backports bookworm-security"
	[7.3]="trixie-backports trixie trixie-security"
)
# series -> the compiler its headers ask for, and the C library its build tools are linked against.
# A host with an older C library gets the library's packages unpacked beside the tools; a host
# without the compiler builds with gcc-12, told not to use what that one lacks.
declare -A KERNEL_COMPILER=([6.1]=gcc-12 [6.12]=gcc-12 [7.3]=gcc-14)
declare -A KERNEL_LIBC=([6.1]=2.36 [6.12]=2.36 [7.3]=2.38)
LIBRARY_PACKAGES="libc6 libelf1t64 zlib1g libzstd1"
KERNEL_SERIES="6.1 6.12 7.3"

known_series() {
	[[ -n ${KERNEL_SUITES[$1]-} ]] ||
		die 126 "unknown kernel series '$1' (known: $KERNEL_SERIES)"
}

# lock FILE: holds FILE (made if absent) until the shell ends. File descriptor 9.
lock() {
	mkdir -p "$(dirname "$1")"
	exec 9>>"$1"
	flock 9
}

# is_number VALUE: a decimal number of at least 1, without sign or leading zero
is_number() { [[ $1 =~ ^[1-9][0-9]{0,8}$ ]]; }

is_elf() { [[ $(head -c 4 "$1" | tr -d '\0') == $'\x7fELF' ]]; }

# The mirror this machine uses for the archive named $1 (debian or debian-security).
mirror() {
	local found
	found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
		grep -v '^[[:space:]]*#' |
		grep -oE "(https?|file|copy)://?[^] ]*/$1/?([[:space:]]|\$)" | head -n 1 | tr -d '[:space:]') || true
	if [[ -n $found ]]; then
		echo "${found%/}"
	else
		echo "http://deb.debian.org/$1"
	fi
}

# How this machine's apt reaches its mirrors (proxies, certificates), as lines of an apt configuration.
apt_access() { apt-config dump | grep -E '^Acquire::((http|https|ftp)::|Check-)' || true; }
