#!/usr/bin/env bash
# The main job: the reference stack's specs on a real VM, then where the report is. Arguments go to Playwright.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh

status=0
npx --no-install playwright test --project=reference "$@" || status=$?
printf '\nReport: %s\n' "$PWD/playwright-report/index.html"
printf 'Open it: npx playwright show-report\n'
exit "$status"
