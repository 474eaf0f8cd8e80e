#!/usr/bin/env bash
# A launch script like upstream's: its VM runs, and it opens no monitor port.
set -euo pipefail
exec "${E2E_QEMU:-qemu-system-x86_64}" -accel tcg -nodefaults -display none -serial stdio -S </dev/null
