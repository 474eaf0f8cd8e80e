#!/usr/bin/env bash
# One report of all shards: merge-reports.sh FOLDER, which holds the shards' shard-N-of-M.zip.
#
# Leaves playwright-report/, test-results.json and run-summary.json, and writes the job's summary. Ends as run-with-verdict.sh; a shard
# that left no report is an obstacle to a verdict.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ "$#" -ne 1 ]; then
    printf 'usage: merge-reports.sh FOLDER\n' >&2
    exit 2
fi
mkdir -p "$1"
E2E_BLOBS=$(realpath "$1")
export E2E_BLOBS
export E2E_SUMMARY_FILE=$PWD/run-summary.json

rm -rf playwright-report test-results.json
status=0
scripts/run-with-verdict.sh merge-reports --config=scripts/ci/merge.config.ts "$E2E_BLOBS" || status=$?

node_modules/.bin/tsx scripts/ci/job-summary.ts "$E2E_SUMMARY_FILE" >>"${GITHUB_STEP_SUMMARY:-/dev/stdout}"
exit "$status"
