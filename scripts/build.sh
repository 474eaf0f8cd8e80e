#!/usr/bin/env bash
# Makes dist/, what the package has beside its texts: the sources compiled, and all that they find by path, laid out as in the checkout.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
rm -rf dist
node_modules/.bin/tsc -p tsconfig.build.json
cp -r --parents images lib/machine/ownership/watchdog.sh scripts/{e2e,run-with-verdict,setup}.sh scripts/init dist
# Types that are written by hand.
cp lib/machine/ownership/*.d.ts dist/lib/machine/ownership
rm -rf dist/images/reference/tools/build dist/images/test-machine
# The compiler names the package that @playwright/test comes from, which not every installer puts where others find it.
grep -rl --include='*.d.ts' 'import("playwright/test")' dist | xargs sed -i 's#import("playwright/test")#import("@playwright/test")#g'
