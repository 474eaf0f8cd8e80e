#!/usr/bin/env bash
# Builds a small x86-64 kernel from Debian's linux-source package (or a kernel tree) for guests that need little of one.
#
#   build.sh -s SOURCE -o OUT [-p PATCH]... [-m] FRAGMENT...
#
# SOURCE is a linux-source .deb or a kernel tree, which is only read. FRAGMENTs are lines of a .config, a later one wins; what
# they do not name is off. OUT must exist and be empty; OUT/stock then holds bzImage, vmlinux, System.map and config. With
# PATCHes the tree is built again with them applied, of which only the changed files are compiled: OUT/patched.
# With -m each of these also has modules/ (all of the configuration's, in one folder) and headers.tar: what modules outside of the tree
# are built with, wherever it is unpacked, as `make -C headers/build M=…`.
#
# An option of a FRAGMENT that the kernel's own rules turned off or changed is an error: it is named, and nothing is built.
# Progress goes to stdout, a line per step. No root is needed. Exit 0 done, 1 with the reason on stderr, 2 wrong usage.
set -euo pipefail

readonly program=small-kernel

step() { printf '%s: %s\n' "$program" "$*"; }

die() {
    printf '%s: %s\n' "$program" "$1" >&2
    exit "${2:-1}"
}

source='' out='' patches=() targets=(bzImage)
while getopts 's:o:p:m' option; do
    case "$option" in
    s) source=$(realpath -- "$OPTARG") ;;
    o) out=$(realpath -- "$OPTARG") ;;
    p) patches+=("$(realpath -- "$OPTARG")") ;;
    m) targets+=(modules) ;;
    *) die "usage: build.sh -s SOURCE -o OUT [-p PATCH]... [-m] FRAGMENT..." 2 ;;
    esac
done
shift $((OPTIND - 1))
if [ -z "$source" ] || [ -z "$out" ] || [ "$#" -eq 0 ]; then
    die "usage: build.sh -s SOURCE -o OUT [-p PATCH]... [-m] FRAGMENT..." 2
fi
for tool in flex bison bc make gcc patch xz lz4; do
    command -v "$tool" >/dev/null || die "$tool is missing: apt-get install flex bison bc make gcc patch xz-utils lz4"
done

# Kbuild refuses paths with blanks or colons, wherever the project and the folder for the result lie.
case "${TMPDIR:-/tmp}" in
*[!A-Za-z0-9/._-]*) work=$(mktemp -d /var/tmp/small-kernel.XXXXXX) ;;
*) work=$(mktemp -d "${TMPDIR:-/tmp}/small-kernel.XXXXXX") ;;
esac
trap 'rm -rf -- "$work"' EXIT
export TMPDIR=$work
readonly tree=$work/tree build=$work/build
mkdir -- "$tree" "$build"

# Code that no fragment turns on. Kconfig reads every folder's Kconfig and kbuild some Makefiles: only C is left out.
readonly unused=(
    'arch/[!x]*/*.[chS]' 'arch/xtensa/*' 'arch/[!x]*/*.dts*' 'Documentation/[!K]*' 'tools/testing/*' 'tools/perf/*' 'samples/*.c'
    'drivers/gpu/*.[ch]' 'drivers/net/ethernet/*.[ch]' 'drivers/net/wireless/*.[ch]' 'drivers/media/*.[ch]'
    'drivers/staging/*.[ch]' 'drivers/infiniband/*.[ch]' 'drivers/scsi/*.[ch]' 'drivers/iio/*.[ch]' 'sound/*.[ch]'
)

if [ -f "$source" ]; then
    name=$(dpkg-deb -f "$source" Package)
    step "unpack $name $(dpkg-deb -f "$source" Version)"
    excludes=()
    for pattern in "${unused[@]}"; do excludes+=("--exclude=$name/$pattern"); done
    dpkg-deb --fsys-tarfile "$source" | tar -xO -- "./usr/src/$name.tar.xz" |
        tar -xJ -C "$tree" --strip-components=1 --wildcards --wildcards-match-slash "${excludes[@]}" ||
        die "could not unpack '$source': is the download complete?"
elif [ -f "$source/Kbuild" ]; then
    step "copy $source"
    cp -a -- "$source/." "$tree"
    make -s -C "$tree" mrproper
else
    die "'$source' is neither a linux-source package nor a kernel tree"
fi

# The build is the same, byte for byte, wherever and whenever it is made.
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970' KBUILD_BUILD_USER=e2e KBUILD_BUILD_HOST=opentdx-e2e
kbuild() { nice -n 5 make -C "$tree" O="$build" -j"$(nproc)" "$@"; }

step 'configure'
cat -- "$@" >"$work/fragment"
kbuild -s KCONFIG_ALLCONFIG="$work/fragment" allnoconfig >"$work/log" 2>&1 || {
    cat -- "$work/log" >&2
    die 'the configuration cannot be made'
}
# A fragment's option that is not in the result depends on one that is off.
wrong=()
while IFS= read -r line; do
    option=${line%%=*}
    last=$(grep "^$option=" "$work/fragment" | tail -n 1)
    grep -qxF -- "$last" "$build/.config" || wrong+=("$last")
done < <(grep -o '^CONFIG_[A-Z0-9_a-z]*=' "$work/fragment" | sort -u)
if [ "${#wrong[@]}" -gt 0 ]; then
    die "these options did not come through, since they depend on others that are off, or this kernel has them no more: ${wrong[*]}"
fi

# compile OUT: builds what is out of date and copies it there.
compile() {
    kbuild "${targets[@]}" 2>&1 | tee "$work/log" |
        awk -v p="$program" '/^  (CC|AS) / { if (++n % 100 == 0) { print p ": " n " files compiled"; fflush() } }' || {
        grep -A 20 -m 3 -E 'error:|Error [0-9]|\*\*\*' "$work/log" >&2
        die 'the kernel does not compile'
    }
    mkdir -- "$1"
    cp -- "$build/arch/x86/boot/bzImage" "$build/vmlinux" "$build/System.map" "$1/"
    cp -- "$build/.config" "$1/config"
    [ "${#targets[@]}" -gt 1 ] || return 0
    mkdir -- "$1/modules"
    find "$build" -name '*.ko' -exec cp -t "$1/modules" -- {} +
    pack_headers "$1/headers.tar"
}

# pack_headers FILE: both trees without what only the kernel itself is compiled from.
pack_headers() {
    local headers=$work/headers
    mkdir -- "$headers"
    (cd -- "$tree" && tar -c --exclude='*.o' Makefile Kconfig include arch/x86 scripts) |
        tar -x -C "$headers" --one-top-level=source --wildcards --exclude='arch/x86/*.[cS]' --exclude='*/dts/*'
    # objtool is there only where the configuration wants it.
    mkdir -p -- "$build/tools/objtool"
    (cd -- "$build" && tar -c --exclude='*.[oa]' --exclude='*.cmd' .config Module.symvers include arch/x86/include scripts tools/objtool) |
        tar -x -C "$headers" --one-top-level=build
    # Neither tree's place is written down: realpath, as `make -C` leaves only the word "Makefile" in MAKEFILE_LIST.
    # shellcheck disable=SC2016  # the dollars are make's
    printf 'include $(dir $(realpath $(lastword $(MAKEFILE_LIST))))../source/Makefile\n' >"$headers/build/Makefile"
    tar -C "$headers" -cf "$1" source build
    rm -rf -- "$headers"
}

step "compile $(make -s -C "$tree" kernelversion)"
compile "$out/stock"
if [ "${#patches[@]}" -gt 0 ]; then
    for patch in "${patches[@]}"; do
        step "apply ${patch##*/}"
        # No fuzz: every line of context must be there.
        patch -d "$tree" -p1 --fuzz=0 --batch --silent --no-backup-if-mismatch <"$patch" ||
            die "${patch##*/} does not apply to $source: the patch must be brought up to date"
    done
    step 'compile what the patches changed'
    compile "$out/patched"
fi
step "done: bzImage of $(($(stat -c %s "$out/stock/bzImage") / 1024)) KiB"
