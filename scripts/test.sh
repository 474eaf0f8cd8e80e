#!/usr/bin/env bash
# Everything that checks the project: format, lint, types, then every spec that this host can run. Arguments go to Playwright.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh check browser

step() { printf '\n== %s\n' "$*"; }

step 'format'
npx --no-install prettier --check .
step 'lint'
npx --no-install eslint .
git ls-files -z '*.sh' .ci/run images/reference/rootfs/etc/rc | xargs -0 shellcheck -x
step 'types'
npx --no-install tsc
step 'fuzz'
npx --no-install tsx scripts/fuzz/index.ts --seconds 60
step 'specs'
exec npx --no-install playwright test "$@"
