#!/usr/bin/env bash
# Everything that checks the project: check.sh, then every spec that this host can run. Arguments go to Playwright.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh check browser kernel

scripts/check.sh
printf '\n== specs\n'
exec node_modules/.bin/playwright test "$@"
