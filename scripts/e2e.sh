#!/usr/bin/env bash
# The main job: the reference stack's specs on a real VM, then where the report is. Arguments go to Playwright.
#
# Ends with 0 when all that was asserted is true, with 1 when something asserted about the kernel is false, and with 125 when the
# infrastructure failed, so that there is no verdict: as `git bisect run` understands good, bad and "cannot be tested".
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh || exit 125

project=(--project=reference)
for argument in "$@"; do
    case "$argument" in --project | --project=*) project=() ;; esac
done

case " $* " in
*' --list '*)
    node_modules/.bin/playwright test "${project[@]}" "$@" || exit 125
    exit 0
    ;;
esac

status=0
scripts/run-with-verdict.sh test "${project[@]}" "$@" || status=$?
printf '\nReport: %s\n' "$PWD/playwright-report/index.html"
printf 'Open it: npx playwright show-report\n'
exit "$status"
