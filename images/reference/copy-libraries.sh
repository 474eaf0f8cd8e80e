#!/usr/bin/env bash
# Copies the shared libraries that a program needs, and theirs, from an unpacked package tree into a root file system.
#
#   copy-libraries.sh TREE ROOT PROGRAM
set -euo pipefail

tree=$1
root=$2

needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

copy() {
    local name path
    while read -r name; do
        path=$(find "$tree/lib" "$tree/usr/lib" "$tree/lib64" -name "$name" -print -quit)
        if [ -z "$path" ]; then
            echo "copy-libraries: $1 needs $name, which no package of packages.list has" >&2
            exit 1
        fi
        [ -e "$root/lib/$name" ] && continue
        mkdir -p "$root/lib"
        cp -L "$path" "$root/lib/$name"
        copy "$path"
    done < <(needed "$1")
}

copy "$3"
# The program interpreter has its path in every executable.
mkdir -p "$root/lib64"
cp -L "$tree/lib64/ld-linux-x86-64.so.2" "$root/lib64/"
