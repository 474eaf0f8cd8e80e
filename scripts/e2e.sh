#!/usr/bin/env bash
# The main job: the reference stack's specs on a real VM, then where the report is. Arguments go to Playwright.
#
# Ends with 0 when all that was asserted is true, with 1 when something asserted about the kernel is false, and with 125 when the
# infrastructure failed, so that there is no verdict: as `git bisect run` understands good, bad and "cannot be tested".
set -euo pipefail

no_verdict=125

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh || exit "$no_verdict"

# The summary decides the exit code: it is there whatever other reporters are asked for.
summary_reporter=$PWD/fixtures/reporters/summary.ts
arguments=()
listing=
while [ "$#" -gt 0 ]; do
    case "$1" in
    --reporter=*) arguments+=("$1,$summary_reporter") ;;
    --reporter)
        [ "$#" -gt 1 ] || break
        arguments+=("--reporter=$2,$summary_reporter")
        shift
        ;;
    --list)
        arguments+=("$1")
        listing=1
        ;;
    *) arguments+=("$1") ;;
    esac
    shift
done

if [ -n "$listing" ]; then
    node_modules/.bin/playwright test --project=reference "${arguments[@]}" || exit "$no_verdict"
    exit 0
fi

E2E_SUMMARY_FILE=${E2E_SUMMARY_FILE:-$PWD/run-summary.json}
export E2E_SUMMARY_FILE
rm -f "$E2E_SUMMARY_FILE"

node_modules/.bin/playwright test --project=reference "${arguments[@]}" || true

status=$no_verdict
if [ -r "$E2E_SUMMARY_FILE" ]; then
    status=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).exitCode' "$E2E_SUMMARY_FILE") ||
        status=$no_verdict
fi
printf '\nReport: %s\n' "$PWD/playwright-report/index.html"
printf 'Open it: npx playwright show-report\n'
[ "$status" -ne "$no_verdict" ] || printf 'No verdict about the kernel was reached (exit code 125).\n' >&2
exit "$status"
