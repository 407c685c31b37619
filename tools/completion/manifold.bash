# SPDX-License-Identifier: GPL-2.0-only OR MIT
# bash completion of manifold
# shellcheck shell=bash

_manifold()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W 'sim --help --version' -- "$word")
		return
	fi
	[ "${COMP_WORDS[1]}" = sim ] || return 0
	case $before,$word in
	-s,* | --svg,*)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		;;
	*,-*)
		mapfile -t COMPREPLY < <(compgen -W '--check --quiet --svg --help --version' -- "$word")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -f -X '!*.mf' -- "$word"; compgen -d -- "$word")
		;;
	esac
}

complete -o filenames -F _manifold manifold
