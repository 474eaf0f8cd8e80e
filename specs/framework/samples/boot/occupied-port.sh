#!/usr/bin/env bash
# The reference launch script on an ssh port (SAMPLE_PORT) that somebody else has.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "$here/../../../../images/reference/launch-opentdx.sh" "$@" -p "$SAMPLE_PORT"
