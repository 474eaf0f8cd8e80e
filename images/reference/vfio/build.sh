#!/usr/bin/env bash
# Builds vfio_iommu_type1.ko from Debian's kernel source with patches, in order; left out: this project's, ../patches/*.patch.
# The stock module is not built: it is the one in Debian's linux-image package.
#
# usage: build.sh <linux-source .deb, or a kernel tree> <KDIR> <folder for vfio_iommu_type1.ko> [PATCH ...]
#
# KDIR is a kernel build tree, for instance the one that ../kernel-headers.sh makes; or "-": then nothing is compiled, and the
# folder gets vfio_iommu_type1.c as the patches leave it. A PATCH that ends in .c takes the place of that file.
# Of the source only two files are read, so nothing else of the archive is unpacked.
#
# Exit 0 done, 1 with the reason on stderr (then no module is left in the folder), 2 wrong usage.
set -euo pipefail

readonly program=${0##*/}
here=$(cd -- "${BASH_SOURCE[0]%/*}" && pwd -P)
readonly here faults=$here/../faults
readonly module=vfio_iommu_type1
readonly sources=(drivers/vfio/vfio_iommu_type1.c drivers/vfio/vfio.h)

die() {
  printf '%s: %s\n' "$program" "$1" >&2
  exit "${2:-1}"
}

# Unpacks $sources from Debian's linux-source package $1 into $2.
unpack_deb() {
  local name members=()
  name=$(dpkg-deb -f "$1" Package)
  for file in "${sources[@]}"; do
    members+=("$name/$file")
  done
  # With --occurrence tar stops reading once it has its files (4 s less), and what feeds it ends with SIGPIPE, rightly:
  # only the last command of the pipe decides.
  (
    set +o pipefail
    { dpkg-deb --fsys-tarfile "$1" | tar -xO --occurrence=1 -- "./usr/src/$name.tar.xz"; } 2>/dev/null |
      tar -xJ -C "$2" --strip-components=1 --occurrence=1 -- "${members[@]}"
  ) || die "could not unpack ${sources[*]} from '$1': is the download complete?"
}

# Prints the version of the kernel tree $1, for instance 6.1.192.
tree_version() {
  sed -nE 's/^(VERSION|PATCHLEVEL|SUBLEVEL) = ([0-9]+)$/\2/p' "$1/Makefile" | paste -sd.
}

# Prints the version of the Debian package that KDIR belongs to, or nothing for a kernel of one's own.
kdir_version() {
  sed -nE 's/^#define LINUX_PACKAGE_ID " Debian (.*)"$/\1/p' "$1/include/generated/package.h" 2>/dev/null || true
}

[[ $# -ge 3 ]] || die "usage: $program <linux-source .deb or kernel tree> <KDIR> <folder> [PATCH ...]" 2
readonly source=$1 kdir=$2 out=$3
shift 3
patches=("$@")
(($#)) || patches=("$here"/../patches/*.patch)
[[ $kdir == - || (-f $kdir/Makefile && -f $kdir/Module.symvers) ]] || die "'$kdir' is no kernel build tree (no Makefile or Module.symvers)"
for tool in patch make tar xz; do
  command -v "$tool" >/dev/null || die "$tool is missing: apt-get install patch make tar xz-utils"
done

# The same place in every build in the build root, as compilers write it down.
work=${TMPDIR:-/tmp}/vfio-build
mkdir -- "$work" || die "'$work' is in the way: another build is under way, or one was killed. Remove it, or set TMPDIR"
trap 'rm -rf -- "$work"' EXIT
readonly tree=$work/tree
mkdir -p -- "$tree"

if [[ -f $source ]]; then
  version=$(dpkg-deb -f "$source" Version)
  unpack_deb "$source" "$tree"
elif [[ -f $source/Makefile ]]; then
  version=$(tree_version "$source")
  for file in "${sources[@]}"; do
    install -D -m 644 -- "$source/$file" "$tree/$file" || die "'$source' has no $file"
  done
else
  die "'$source' is neither a linux-source package nor a kernel tree"
fi
for file in "${sources[@]}"; do
  [[ -s $tree/$file ]] || die "'$source' ($version) holds no $file"
done

headers=$(kdir_version "$kdir")
if [[ -n $headers && $headers != "$version" && $headers != "$version"-* ]]; then
  die "the source is version $version, but '$kdir' belongs to $headers: download both in the same version"
fi

cp -- "$faults"/*.h "$tree/drivers/vfio/"
for patch in "${patches[@]}"; do
  if [[ $patch == *.c ]]; then
    cp -- "$patch" "$tree/${sources[0]}"
    continue
  fi
  # No fuzz: every line of context must be there.
  patch -d "$tree" -p1 --fuzz=0 --batch --silent --no-backup-if-mismatch <"$patch" ||
    die "${patch##*/} does not apply to $version of ${sources[0]}: the patch must be brought up to date"
done

mkdir -p -- "$out"
if [[ $kdir == - ]]; then
  cp -- "$tree/${sources[0]}" "$out/"
  exit
fi

build=$tree/drivers/vfio
# The prefix map keeps the scratch folder out of the module's messages: they name the file as the kernel's own do.
# shellcheck disable=SC2016  # the dollar is make's
printf 'obj-m := %s.o\nccflags-y := -Werror -fmacro-prefix-map=$(src)/=drivers/vfio/\n' "$module" >"$build/Makefile"
make -C "$kdir" M="$build" modules >"$work/log" 2>&1 || {
  cat -- "$work/log" >&2
  die "$module ($version with ${patches[*]##*/}) does not compile against '$kdir'"
}
strip --strip-debug -- "$build/$module.ko"

# Moved into place in one step: a half-written module never counts as one.
install -m 644 -- "$build/$module.ko" "$out/.$module.ko.$$"
mv -f -- "$out/.$module.ko.$$" "$out/$module.ko"
printf '%s: %s of %s\n' "$program" "$out/$module.ko" "$version"
