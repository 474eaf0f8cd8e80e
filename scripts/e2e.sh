#!/usr/bin/env bash
# The main job: the reference stack's specs on a real VM, then where the report is. With E2E_KERNEL they run on that kernel (project
# 'hybrid'). In the package, which has no specs: those of the folder that it is called in. Arguments go to Playwright.
#
# Ends with 0 when all that was asserted is true, with 1 when something asserted about the kernel is false, and with 125 when anything
# else failed, so that there is no verdict: as `git bisect run` understands good, bad and "cannot be tested". The last line says which.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/scripts/setup.sh" || exit 125

project=()
if [ -e "$root/playwright.config.ts" ]; then
    project=(--project=reference)
    [ -z "${E2E_KERNEL-}" ] || project=(--project=hybrid)
    cd "$root"
fi
for argument in "$@"; do
    case "$argument" in --project | --project=*) project=() ;; esac
done

# The summary ends with the verdict, as the run's last line; this goes before it.
export E2E_LAST_WORDS="
Report: $PWD/playwright-report/index.html
Open it: npx playwright show-report"
exec "$root/scripts/run-with-verdict.sh" test "${project[@]}" "$@"
