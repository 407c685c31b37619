# SPDX-License-Identifier: GPL-2.0-only OR MIT
# fish completion of manifold
complete -c manifold -f
complete -c manifold -n __fish_use_subcommand -a sim -d 'run scenarios on modelled IOMMU units'
complete -c manifold -s h -l help -d 'say how to use it'
complete -c manifold -s V -l version -d 'say which version this is'
complete -c manifold -n '__fish_seen_subcommand_from sim' -s c -l check -d 'read the files, run nothing'
complete -c manifold -n '__fish_seen_subcommand_from sim' -s q -l quiet -d 'say only what fails'
complete -c manifold -n '__fish_seen_subcommand_from sim' -s s -l svg -rF -d 'draw the machine into a file'
complete -c manifold -n '__fish_seen_subcommand_from sim' -k -a '(__fish_complete_suffix .mf)'
