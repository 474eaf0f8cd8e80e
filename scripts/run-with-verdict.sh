#!/usr/bin/env bash
# Runs Playwright with these arguments. The run's summary, which E2E_SUMMARY_FILE names, decides the exit code:
#
#   0     all that was asserted is true
#   1     something asserted about the kernel is false
#   125   no verdict: something else failed, or there is no summary
set -euo pipefail

no_verdict=125

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ ! -e "$root/playwright.config.ts" ] || cd "$root"
# The one that the fixtures get as well: there must not be two.
playwright=$(node -p 'require.resolve("@playwright/test/cli", { paths: [process.argv[1]] })' "$root")

no_verdict() {
    printf 'No verdict about the kernel (exit code %s): %s\n' "$no_verdict" "$1"
    exit "$no_verdict"
}

# Asked here and not by Node, which does not return from making a folder in /proc, where Playwright keeps files, or its results.
temp=${TMPDIR:-/tmp}
if ! { probe=$(mktemp "$temp/opentdx-e2e-probe.XXXXXX") && printf . >"$probe"; } 2>/dev/null; then
    no_verdict "the temp folder $temp is not there, is not a folder, cannot be written to or is full: set TMPDIR to another."
fi
rm "$probe"

case " $* " in
*' --list '*)
    node "$playwright" "$@" || exit "$no_verdict"
    exit 0
    ;;
esac

# The summary is there whatever other reporters are asked for.
summary_reporter=$(ls "$root"/fixtures/reporters/summary.[jt]s)
arguments=()
while [ "$#" -gt 0 ]; do
    case "$1" in
    --reporter=*) arguments+=("$1,$summary_reporter") ;;
    --reporter)
        [ "$#" -gt 1 ] || break
        arguments+=("--reporter=$2,$summary_reporter")
        shift
        ;;
    --output | --output=*)
        output=${1#--output}
        output=${output#=}
        [ -n "$output" ] || output=${2-}
        if [ -n "$output" ] && ! mkdir -p "$output" 2>/dev/null; then
            no_verdict "the output folder $output is not there and cannot be made: name another with --output."
        fi
        arguments+=("$1")
        ;;
    *) arguments+=("$1") ;;
    esac
    shift
done

E2E_SUMMARY_FILE=${E2E_SUMMARY_FILE:-$PWD/run-summary.json}
export E2E_SUMMARY_FILE
if ! { : >"$E2E_SUMMARY_FILE" && rm "$E2E_SUMMARY_FILE"; } 2>/dev/null; then
    no_verdict "the summary $E2E_SUMMARY_FILE cannot be written: set E2E_SUMMARY_FILE to another place."
fi

node "$playwright" "${arguments[@]}" || true

[ -r "$E2E_SUMMARY_FILE" ] || no_verdict 'the run did not begin, or was killed; what Playwright says of it is above.'
exit "$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).exitCode' "$E2E_SUMMARY_FILE" ||
    printf '%s' "$no_verdict")"
