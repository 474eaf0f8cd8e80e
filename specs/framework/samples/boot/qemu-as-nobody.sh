#!/usr/bin/env bash
# QEMU as a user who may not use /dev/kvm.
set -euo pipefail
exec setpriv --reuid=nobody --regid=nogroup --clear-groups qemu-system-x86_64 "$@"
