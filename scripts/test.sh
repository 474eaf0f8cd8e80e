#!/usr/bin/env bash
# What checks the project: check.sh, then the specs that this host can run; with --all, or CI set, those of the project slow (containers,
# kernels, packages), too. Arguments go to Playwright.
set -euo pipefail

arguments=()
for argument in "$@"; do
    if [ "$argument" = --all ]; then export E2E_SLOW=1; else arguments+=("$argument"); fi
done
set -- "${arguments[@]}"

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh check browser docker

# Bochs only where its specs are asked for; where it cannot be had they are skipped, and the summary says so.
ept=yes
case " $* " in
*[=\ ]ept\ * | *\**) ;;
*' --project'*) ept= ;;
esac
[ -z "$ept" ] || scripts/setup.sh ept || printf 'setup: the specs of the project ept will be skipped\n' >&2

scripts/check.sh

if [ -z "${OPENTDX_ROOT:-}" ]; then
    printf '\n== a stand-in for an open-tdx checkout\n'
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    export OPENTDX_ROOT=$scratch/open-tdx E2E_WRAP_QEMU=1 E2E_MEMORY=1g E2E_VCPUS=2
    node_modules/.bin/tsx scripts/stand-in/index.ts "$OPENTDX_ROOT"
fi
printf '\n== specs\n'
node_modules/.bin/playwright test "$@"
