#!/usr/bin/env bash
# QEMU with the firmware SAMPLE_FIRMWARE in place of its own.
set -euo pipefail
exec qemu-system-x86_64 "$@" -bios "$SAMPLE_FIRMWARE"
