#!/usr/bin/env bash
# Extracts the uncompressed ELF kernel from a bzImage whose payload is an xz stream (Debian 12).
#
#   extract-vmlinux.sh BZIMAGE VMLINUX
#
# Layout: Documentation/x86/boot.rst, "The real-mode kernel header": setup_sects at 0x1f1, payload_offset at 0x248 and
# payload_length at 0x24c, the payload counted from the end of the setup sectors.
set -euo pipefail

image=$1
vmlinux=$2

field() { od -A n -t "u$3" -j "$(($2))" -N "$3" "$1" | tr -d ' '; }

if [ "$(od -A n -t x1 -j 514 -N 4 "$image" | tr -d ' \n')" != 48647253 ]; then
    echo "$image: not a bzImage (no HdrS magic)" >&2
    exit 1
fi
setup_sectors=$(field "$image" 0x1f1 1)
[ "$setup_sectors" -ne 0 ] || setup_sectors=4
start=$(((setup_sectors + 1) * 512 + $(field "$image" 0x248 4)))
length=$(field "$image" 0x24c 4)
if [ "$(od -A n -t x1 -j "$start" -N 6 "$image" | tr -d ' \n')" != fd377a585a00 ]; then
    echo "$image: its payload is not an xz stream: this kernel is packed in a way that this script does not know" >&2
    exit 1
fi
# The last four bytes of the payload are the unpacked size, not part of the stream.
# `head` first: the other way round `tail` would die of SIGPIPE, which pipefail takes for a failure.
head -c "$((start + length - 4))" "$image" | tail -c "$((length - 4))" | xz -dc >"$vmlinux"
if [ "$(head -c 4 "$vmlinux" | od -A n -t x1 | tr -d ' \n')" != 7f454c46 ]; then
    echo "$image: what its payload unpacks to is no ELF file" >&2
    exit 1
fi
