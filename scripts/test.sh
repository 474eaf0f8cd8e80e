#!/usr/bin/env bash
# Everything that checks the project: format, lint, types, then every spec that this host can run. Arguments go to Playwright.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh check browser kernel

step() { printf '\n== %s\n' "$*"; }

step 'format'
node_modules/.bin/prettier --check .
step 'lint'
node_modules/.bin/eslint .
git ls-files -z '*.sh' .ci/run images/reference/rootfs/etc/rc | xargs -0 shellcheck -x
step 'types'
node_modules/.bin/tsc
step 'fuzz'
node_modules/.bin/tsx scripts/fuzz/index.ts --seconds 60
step 'specs'
exec node_modules/.bin/playwright test "$@"
