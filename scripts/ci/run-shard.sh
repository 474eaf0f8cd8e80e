#!/usr/bin/env bash
# One shard of the suite on this runner: run-shard.sh SHARD TOTAL [PLAYWRIGHT ARGUMENT ...]
#
# Leaves blob-report/shard-SHARD-of-TOTAL.zip for merge-reports.sh, and annotates the lines that failed. Ends as run-with-verdict.sh.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ "$#" -lt 2 ]; then
    printf 'usage: run-shard.sh SHARD TOTAL [PLAYWRIGHT ARGUMENT ...]\n' >&2
    exit 2
fi
shard=$1
total=$2
shift 2

rm -rf blob-report
export PLAYWRIGHT_BLOB_OUTPUT_FILE=$PWD/blob-report/shard-$shard-of-$total.zip
export E2E_SUMMARY_FILE=$PWD/run-summary.json

# A guest's words come out here. On a line of their own they could be commands to the runner: it is told to take none meanwhile.
resume=$(cat /proc/sys/kernel/random/uuid)
printf '::stop-commands::%s\n' "$resume"
status=0
scripts/run-with-verdict.sh test --shard="$shard/$total" --reporter=list,blob "$@" || status=$?
printf '\n::%s::\n' "$resume"

node_modules/.bin/tsx scripts/ci/annotations.ts "$E2E_SUMMARY_FILE"
exit "$status"
