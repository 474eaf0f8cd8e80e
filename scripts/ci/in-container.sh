#!/usr/bin/env bash
# Runs a command in the test machine: a container in which the whole suite runs (images/test-machine), on any host with an engine.
#
#   in-container.sh COMMAND [ARGUMENT ...]
#
# The container gets a copy of this checkout, as it is now, and what the command leaves there of reports is copied back, so that nothing
# here is written to by another user. It has /dev/kvm where the host has it, unless E2E_ACCEL is tcg. Ends with the command's exit
# code, and with 125 if the container could not be run.
#
#   E2E_ENGINE_CLI      the engine's command-line client (default: docker, or podman where there is none)
#   E2E_MACHINE_BASE    the image that the test machine is made of (default: node:20-bookworm); `import` where none can be pulled: it is
#                       then made by debootstrap, which needs root, and has this host's Node
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly inside=/opentdx-e2e
readonly results=(blob-report playwright-report test-results test-results.json run-summary.json)
# From the environment here to that of the command.
readonly passed=(CI E2E_ACCEL E2E_FAULT E2E_KEEP GITHUB_ACTIONS)

fail() {
    printf 'in-container: %s\n' "$*" >&2
    exit 125
}
usage() {
    printf 'usage: in-container.sh COMMAND [ARGUMENT ...]\n'
}

case "${1-}" in
--help) usage && exit 0 ;;
'' | -*) usage >&2 && exit 2 ;;
esac

engine=${E2E_ENGINE_CLI-}
[ -n "$engine" ] || engine=$(command -v docker || command -v podman) ||
    fail 'neither docker nor podman is there: install the client of a container engine'
command -v "$engine" >/dev/null || fail "E2E_ENGINE_CLI=$engine is no program"

scratch=$(mktemp -d)
container=
trap 'rm -rf "$scratch"; [ -z "$container" ] || "$engine" rm --force --volumes "$container" >/dev/null' EXIT

# Only what the image is made of, so that it is made anew when that changes, and not with every change of the code.
context=$scratch/context
mkdir -p "$context/scripts"
cp scripts/setup.sh "$context/scripts/"
cp package.json package-lock.json "$context/"
[ -z "${NODE_EXTRA_CA_CERTS-}" ] || cp "$NODE_EXTRA_CA_CERTS" "$context/certificates.pem"
base=()
if [ "${E2E_MACHINE_BASE-}" = import ]; then
    name=opentdx-e2e/debian:bookworm
    if ! "$engine" image inspect "$name" >/dev/null 2>&1; then
        command -v debootstrap >/dev/null || fail 'E2E_MACHINE_BASE=import takes debootstrap: apt-get install debootstrap'
        debootstrap --variant=minbase bookworm "$scratch/base" >&2 || fail 'debootstrap could not make a Debian 12 (it needs root)'
        tar --create --numeric-owner -C "$scratch/base" . | "$engine" import - "$name" >&2 || fail "the engine could not import $name"
        rm -rf "$scratch/base"
    fi
    base=(--build-arg "BASE=$name")
    scripts/ci/copy-host-node.sh "$context/host"
elif [ -n "${E2E_MACHINE_BASE-}" ]; then
    base=(--build-arg "BASE=$E2E_MACHINE_BASE")
fi
# The host's network: an engine may be without one of its own. Besides, locks are the kernel's, per network: containers that share the
# cache must share them, too.
"$engine" build --network=host --force-rm "${base[@]}" --tag opentdx-e2e/test-machine --iidfile "$scratch/image" \
    --file images/test-machine/Dockerfile "$context" >&2 ||
    fail 'the image of the test machine could not be built. Without a way to pull: E2E_MACHINE_BASE=import'

# Guests are built in namespaces of their own, which an engine's usual profiles refuse.
options=(--init --network=host --shm-size=8g --workdir "$inside" --cap-add=SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined)
options+=(--volume opentdx-e2e-cache:/var/cache/opentdx-e2e)
for name in "${passed[@]}"; do
    [ -z "${!name-}" ] || options+=(--env "$name")
done
if [ -c /dev/kvm ] && [ "${E2E_ACCEL-}" != tcg ]; then
    options+=(--device /dev/kvm)
fi
container=$("$engine" create "${options[@]}" "$(cat "$scratch/image")" "$@") ||
    fail 'the container of the test machine could not be made'

# What git knows, and what it does not ignore; its own folder too, as specs ask it. Files that are gone are not gone for git yet.
{
    git ls-files -z --cached --others --exclude-standard
    [ ! -d .git ] || printf '.git\0'
} | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] && [ ! -L "$file" ] || printf '%s\0' "$file"
done >"$scratch/files"
tar --create --owner=0 --group=0 --null --files-from "$scratch/files" | "$engine" cp - "$container:$inside" ||
    fail 'the checkout could not be copied into the container'

status=0
"$engine" start --attach "$container" || status=$?

for name in "${results[@]}"; do
    # Not every command leaves all of them.
    "$engine" cp "$container:$inside/$name" "$scratch/$name" 2>"$scratch/words" || {
        grep -qiE 'could not find|no such|not found' "$scratch/words" || fail "$name could not be copied: $(cat "$scratch/words")"
        continue
    }
    rm -rf "$name"
    mv "$scratch/$name" "$name"
done
exit "$status"
