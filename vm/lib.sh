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
# Kernels that are not fetched but built of Debian's source of the series before the dash: series ->
# the files of vm/configs that are put on top of one another. No list that is gone through by
# default has them, for each takes minutes to build.
declare -A BUILT_CONFIGS=([6.12-small]="small" [7.3-small]="small")
BUILT_SERIES="6.12-small 7.3-small"

known_series() {
	[[ -n ${KERNEL_SUITES[$1]-} || -n ${BUILT_CONFIGS[$1]-} ]] ||
		die 126 "unknown kernel series '$1' (known: $KERNEL_SERIES; built here: $BUILT_SERIES)"
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

# apt_configure FOLDER ARCHITECTURES SUITE...: in FOLDER, an apt configuration (FOLDER/apt.conf) that
# shares nothing with the machine's but how to reach a mirror. ARCHITECTURES is a list with commas,
# amd64 first; a suite is named without its archive, as in KERNEL_SUITES. It holds no package to be
# installed already.
apt_configure() {
	local folder=$1 architectures=$2 suite archive
	shift 2
	mkdir -p "$folder"/{lists,cache/archives}/partial
	: >"$folder/status"
	for suite in "$@"; do
		archive=debian
		[[ $suite != *-security ]] || archive=debian-security
		printf 'deb [arch=%s signed-by=%s] %s %s main\n' "$architectures" \
			/usr/share/keyrings/debian-archive-keyring.gpg "$(mirror "$archive")" "$suite"
	done >"$folder/sources.list.new"
	mv "$folder/sources.list.new" "$folder/sources.list"
	{
		cat <<-END
		Dir::Etc::Parts "/dev/null";
		Dir::Etc::Main "/dev/null";
		Dir::Etc::SourceList "$folder/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State "$folder";
		Dir::State::Lists "$folder/lists";
		Dir::State::Status "$folder/status";
		Dir::Cache "$folder/cache";
		APT::Architecture "amd64";
		APT::Architectures { "${architectures//,/\"; \"}"; };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "2";
		END
		apt_access
	} >"$folder/apt.conf"
}

# apt_fetch FOLDER ARGUMENT...: apt-get with the configuration of FOLDER. A failure ends the script with
# status 3, and shows what apt said; one to reach a mirror, which apt calls a warning, is a failure.
apt_fetch() {
	local folder=$1
	shift
	if ! APT_CONFIG=$folder/apt.conf apt-get -q "$@" >"$folder/log" 2>&1 ||
		grep -qE '^(W: Failed to fetch|Err:)' "$folder/log"; then
		grep -E '^(E|W|Err):?' "$folder/log" | tail -n 5 >&2 || true
		die 3 "apt-get $* failed (no network?)"
	fi
}

# unpack FOLDER ROOT: unpacks the packages in FOLDER into ROOT.
unpack() {
	local deb
	for deb in "$1"/*.deb; do
		dpkg-deb -x "$deb" "$2" || die 1 "could not unpack ${deb##*/}"
	done
}
