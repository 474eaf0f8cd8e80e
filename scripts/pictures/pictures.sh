#!/usr/bin/env bash
# Makes the README's pictures anew from the last commit: in a folder and on a host whose names say nothing of who made them.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
"$root/scripts/setup.sh" browser

# Both names are only those of a namespace, which ends with the command.
namespaces=(--mount --uts)
[ "$(id -u)" -eq 0 ] || namespaces+=(--map-root-user)
# shellcheck disable=SC2016  # the dollars are the inner shell's
exec unshare "${namespaces[@]}" bash -euc '
    hostname laptop
    mount -t tmpfs tmpfs /mnt
    git -c safe.directory="*" clone -q "$1" /mnt/opentdx-e2e
    cp -a "$1/node_modules" /mnt/opentdx-e2e/
    cd /mnt/opentdx-e2e
    exec node_modules/.bin/tsx scripts/pictures/index.ts "$1/docs"
' pictures "$root"
