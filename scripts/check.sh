#!/usr/bin/env bash
# Everything that checks the project without a guest: format, lint, workflows, types, unused code, fuzz.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$*"; }

step 'format'
node_modules/.bin/prettier --check .
step 'lint'
node_modules/.bin/eslint .
git ls-files -z '*.sh' '*/rootfs/etc/rc' '*/rootfs/init' '*-init' .ci/run | xargs -0 shellcheck -x
step 'workflows'
node_modules/.bin/tsx scripts/ci/lint-workflows.ts
step 'types'
node_modules/.bin/tsc
step 'unused code and packages'
node_modules/.bin/knip
step 'fuzz'
node_modules/.bin/tsx scripts/fuzz.ts --seconds 60
