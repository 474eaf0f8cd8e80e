#!/usr/bin/env bash
# Copies the kernel modules of a list, and all that they need, into a root file system. What they need is depmod's
# knowledge, not ours.
#
#   copy-modules.sh KERNEL_TREE RELEASE ROOT LIST
set -euo pipefail

kernel_tree=$1
release=$2
root=$3
list=$4

/sbin/depmod -b "$kernel_tree" "$release"
grep -v '^#' "$list" | while read -r module; do
    [ -n "$module" ] || continue
    # Lines are "insmod PATH" or "builtin NAME"; options may follow.
    dependencies=$(/sbin/modprobe --dirname "$kernel_tree" --set-version "$release" --show-depends "$module")
    while read -r kind path _; do
        [ "$kind" = insmod ] || continue
        relative=${path#*"/lib/modules/$release/"}
        install -D -m 644 "$path" "$root/lib/modules/$release/$relative"
    done <<<"$dependencies"
done
cp "$kernel_tree/lib/modules/$release"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$release/"
