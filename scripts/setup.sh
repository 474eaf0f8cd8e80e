#!/usr/bin/env bash
# Everything that a run needs on the host, straight after `git clone`: Node packages and host packages. Does nothing, in well
# under a second, when nothing is missing. Never installs a kernel image, a bootloader or a service.
#
#   setup.sh [GROUP ...]     groups of host packages beside the base: check (linters, compilers of specs' own programs), browser
#                            (reports are looked at), ept (Bochs), docker (libraries of the container engine that specs start for
#                            themselves)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What an os-release file says: the distribution's ID, those that it is like, its name. E2E_OS_RELEASE is for specs.
os_release() { sed -n "s/^$1=\"\?\([^\"]*\)\"\?$/\1/p" "${E2E_OS_RELEASE:-/etc/os-release}" 2>/dev/null; }

# names TABLE: the missing packages under another distribution's names.
names() {
    local -n table=$1
    local name
    for name in "${missing[@]}"; do printf '%s\n' "${table[$name]:-$name}"; done | sort -u | paste -sd ' '
}

remedy_without_apt() {
    local name
    name=$(os_release PRETTY_NAME)
    case " $(os_release ID) $(os_release ID_LIKE) " in
    *' fedora '* | *' rhel '*) printf '%s: install what is missing: sudo dnf install %s' "$name" "$(names fedora)" ;;
    *' arch '*) printf '%s: install what is missing: sudo pacman -S --needed %s' "$name" "$(names arch)" ;;
    *' nixos '*) printf '%s: run in a shell that has what is missing: nix-shell -p %s' "$name" "$(names nixos)" ;;
    *) printf "%s has no apt-get; install what these Debian packages hold, under your distribution's names: %s" \
        "${name:-this host}" "${missing[*]}" ;;
    esac
}

note() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# What must be there => the Debian package that has it. A word with a slash is a file, any other a command.
base=(
    qemu-system-x86_64=qemu-system-x86 /usr/share/seabios/bios-256k.bin=seabios
    ssh=openssh-client ssh-keygen=openssh-client
    git=git tar=tar xz=xz-utils setpriv=util-linux unshare=util-linux
)
# Specs compile programs of their own. Guests are built in a root of the project's own (lib/image/build-root).
check=(
    shellcheck=shellcheck sudo=sudo cpio=cpio depmod=kmod gpg=gpg gpg-agent=gpg-agent
    gcc=gcc make=make readelf=binutils /usr/include/stdio.h=libc6-dev
    flex=flex bison=bison bc=bc patch=patch lz4=lz4 zstd=zstd python3=python3
)
browser=(chromium=chromium)
ept=(
    bochs-bin=bochs /usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so=bochs-term /usr/share/bochs/BIOS-bochs-latest=bochsbios
    /usr/share/vgabios/vgabios.bin=vgabios
)
docker=(
    unshare=util-linux mount=mount dpkg-deb=dpkg
    /usr/lib/x86_64-linux-gnu/libdevmapper.so.1.02.1=libdevmapper1.02.1
    /usr/lib/x86_64-linux-gnu/libseccomp.so.2=libseccomp2
    /usr/lib/x86_64-linux-gnu/libsystemd.so.0=libsystemd0
)

# Where other distributions have what a Debian package has, if under another name.
# shellcheck disable=SC2034  # used by name
declare -A fedora=(
    [qemu-system-x86]=qemu-system-x86-core [openssh-client]=openssh-clients [xz-utils]=xz [seabios]=seabios-bin
    [shellcheck]=ShellCheck [gpg]=gnupg2 [gpg-agent]=gnupg2 [libc6-dev]=glibc-devel [libdevmapper1.02.1]=device-mapper-libs
    [libseccomp2]=libseccomp [libsystemd0]=systemd-libs [bochsbios]=bochs-bios
)
# shellcheck disable=SC2034
declare -A arch=(
    [openssh-client]=openssh [xz-utils]=xz [gpg]=gnupg [gpg-agent]=gnupg [libc6-dev]=glibc [libdevmapper1.02.1]=device-mapper
    [libseccomp2]=libseccomp [libsystemd0]=systemd-libs
)
# shellcheck disable=SC2034
declare -A nixos=(
    [qemu-system-x86]=qemu [openssh-client]=openssh [tar]=gnutar [xz-utils]=xz [util-linux]=util-linux [make]=gnumake [gpg]=gnupg
    [gpg-agent]=gnupg [libc6-dev]=glibc.dev [seabios]=seabios
)

wanted=("${base[@]}")
for group in "$@"; do
    case "$group" in
    check) wanted+=("${check[@]}") ;;
    browser) wanted+=("${browser[@]}") ;;
    ept) wanted+=("${ept[@]}") ;;
    docker) wanted+=("${docker[@]}") ;;
    *) fail "no group of host packages is called '$group': check, browser, ept, docker" ;;
    esac
done

node_major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') || true
[ -n "$node_major" ] || fail 'node is missing: install Node.js 20 or newer (https://nodejs.org)'
[ "$node_major" -ge 20 ] || fail "node is version $node_major: install Node.js 20 or newer (https://nodejs.org)"

if [ "$(uname -m)" != x86_64 ]; then
    fail "this host is $(uname -m): the stacks need an x86-64 host"
fi

# While host packages come, if any are missing.
stamp=node_modules/.opentdx-e2e-lock
npm_ci=
# The package has been installed with what it needs.
if [ -e package-lock.json ] && ! cmp -s package-lock.json "$stamp"; then
    note 'install Node packages'
    # No code of a package runs when it is installed: what ssh2's scripts compile is used by nobody here, and takes as long as all the rest.
    npm ci --ignore-scripts --no-audit --no-fund &
    npm_ci=$!
    # Whatever fails meanwhile, it is not left running.
    trap wait EXIT
fi

# /usr/sbin is not on every user's PATH, yet depmod and modprobe are there.
PATH=$PATH:/usr/sbin:/sbin
missing=()
for pair in "${wanted[@]}"; do
    case "${pair%%=*}" in
    */*) [ -e "${pair%%=*}" ] || missing+=("${pair#*=}") ;;
    *) command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}") ;;
    esac
done

if [ "${#missing[@]}" -gt 0 ]; then
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    line="apt-get install --no-install-recommends ${missing[*]}"
    if ! command -v apt-get >/dev/null; then
        fail "$(remedy_without_apt)"
    fi
    if [ "$(id -u)" -eq 0 ]; then
        as_root=(env)
    elif sudo -n true 2>/dev/null; then
        as_root=(sudo -n env)
    else
        fail "host packages are missing, and neither root nor password-less sudo is there to install them. Run: sudo $line"
    fi
    note "install host packages: ${missing[*]}"
    as_root+=(DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    # A source of somebody else's that does not answer is no obstacle, if the packages are there.
    "${as_root[@]}" update || note 'apt-get update failed; going on with the lists that there are'
    "${as_root[@]}" install -y --no-install-recommends "${missing[@]}"
fi

if [ -n "$npm_ci" ]; then
    wait "$npm_ci"
    cp package-lock.json "$stamp"
fi
