#!/usr/bin/env bash
# Makes a kernel build tree from Debian's header packages without installing them.
#
# usage: kernel-headers.sh <folder with the .deb files> <new folder>
#
# The folder must hold exactly one each of linux-headers-VERSION-FLAVOUR, linux-headers-VERSION-common and
# linux-kbuild-X.Y. They are extracted below the new folder, whose only absolute reference (the flavour's Makefile
# names /usr/src) is rewritten relative to itself, so that the tree also works after it was moved or copied.
# The last line on stdout is the path to give to make as KDIR:
#
#     KDIR=$(images/reference/kernel-headers.sh debs/ /tmp/headers)
#     make -C "$KDIR" M=/path/to/module modules
#
# Exit 0 done, 1 with the reason on stderr (then the new folder does not exist), 2 wrong usage.
set -euo pipefail

readonly program=${0##*/}

die() {
  printf '%s: %s\n' "$program" "$1" >&2
  exit "${2:-1}"
}

# Prints the one package in $debs whose file name matches the pattern; its neighbours must be ruled out by the caller.
# $1: what it is, for the message; $2: extended regular expression of the file name.
one_package() {
  local found=() name
  for name in "$debs"/*.deb; do
    [[ ${name##*/} =~ $2 ]] && found+=("$name")
  done
  ((${#found[@]} == 1)) || die "$1: expected one package in '$debs', found ${#found[@]} (name pattern $2)"
  printf '%s\n' "${found[0]}"
}

[[ $# -eq 2 ]] || die "usage: $program <folder with the .deb files> <new folder>" 2
readonly debs=$1 out=$2
[[ -d $debs ]] || die "no such folder: '$debs'"
[[ ! -e $out ]] || die "'$out' exists already: name a folder that is to be made"
command -v dpkg-deb >/dev/null || die 'dpkg-deb is missing: apt-get install dpkg'

mkdir -p -- "$out"
trap 'status=$?; ((status == 0)) || rm -rf -- "$out"' EXIT
root=$(cd -- "$out" && pwd -P)
# Kbuild splits its own paths at blanks and refuses colons (Makefile: "source directory cannot contain spaces or colons").
[[ $root != *[[:space:]:]* ]] || die "'$root': kbuild refuses paths with blanks or colons; use a folder without"

common=$(one_package 'common headers' '^linux-headers-[0-9].*-common_')
flavour=$(one_package 'headers of the flavour' '^linux-headers-[0-9][0-9.]*-[0-9]+-(cloud-)?amd64_')
kbuild=$(one_package 'kbuild' '^linux-kbuild-[0-9]')

for package in "$common" "$flavour" "$kbuild"; do
  dpkg-deb -x "$package" "$root" || die "could not extract '$package': is the download complete?"
done

release=$(dpkg-deb -f "$flavour" Package)
release=${release#linux-headers-}
common_name=$(dpkg-deb -f "$common" Package)
tree=$root/usr/src/linux-headers-$release
[[ -f $tree/Makefile && -f $tree/.config && -f $tree/Module.symvers ]] ||
  die "'$flavour' holds no build tree in /usr/src/linux-headers-$release"
[[ -f $root/usr/src/$common_name/Makefile ]] || die "'$flavour' needs $common_name, which '$common' does not hold"
grep -qxF "include /usr/src/$common_name/Makefile" "$tree/Makefile" ||
  die "$release: the flavour's Makefile is not the one line that this script knows how to rewrite"

# realpath, as `make -C` leaves only the word "Makefile" in MAKEFILE_LIST.
# shellcheck disable=SC2016  # the dollars are make's
printf 'include $(dir $(realpath $(lastword $(MAKEFILE_LIST))))../%s/Makefile\n' "$common_name" >"$tree/Makefile"
for link in scripts tools; do
  [[ -d $tree/$link && -d $root/usr/src/$common_name/$link ]] ||
    die "$release: $link leads nowhere: '$kbuild' does not belong to these headers"
done

# Debian names the compiler that built the kernel (gcc-12); where only `gcc` exists, that is used.
# shellcheck disable=SC2016
printf '%s\n' 'ifeq ($(shell command -v $(CC)),)' 'CC = gcc' 'endif' >>"$tree/.kernelvariables"

modules=$root/lib/modules/$release
ln -sfn "../../../usr/src/linux-headers-$release" "$modules/build"
ln -sfn "../../../usr/src/$common_name" "$modules/source"
printf '%s\n' "$modules/build"
