#!/usr/bin/env bash
# Runs Playwright with these arguments. The run's summary, which E2E_SUMMARY_FILE names, decides the exit code:
#
#   0     all that was asserted is true
#   1     something asserted about the kernel is false
#   125   no verdict: the infrastructure failed, or there is no summary
set -euo pipefail

no_verdict=125

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The summary is there whatever other reporters are asked for.
summary_reporter=$PWD/fixtures/reporters/summary.ts
arguments=()
while [ "$#" -gt 0 ]; do
    case "$1" in
    --reporter=*) arguments+=("$1,$summary_reporter") ;;
    --reporter)
        [ "$#" -gt 1 ] || break
        arguments+=("--reporter=$2,$summary_reporter")
        shift
        ;;
    *) arguments+=("$1") ;;
    esac
    shift
done

E2E_SUMMARY_FILE=${E2E_SUMMARY_FILE:-$PWD/run-summary.json}
export E2E_SUMMARY_FILE
rm -f "$E2E_SUMMARY_FILE"

node_modules/.bin/playwright "${arguments[@]}" || true

status=$no_verdict
if [ -r "$E2E_SUMMARY_FILE" ]; then
    status=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).exitCode' "$E2E_SUMMARY_FILE") ||
        status=$no_verdict
fi
[ "$status" -ne "$no_verdict" ] || printf 'No verdict about the kernel was reached (exit code 125).\n' >&2
exit "$status"
