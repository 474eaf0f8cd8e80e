#!/usr/bin/env bash
# The outputs of a step that asks what to keep in an Actions cache: see cache-keys.ts, whose arguments these are.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
keys=$(node_modules/.bin/tsx scripts/ci/cache-keys.ts "$@")
printf '%s\n' "$keys"
[ -z "${GITHUB_OUTPUT-}" ] || printf '%s\n' "$keys" >>"$GITHUB_OUTPUT"
