#!/bin/sh
# Runs a command in a root folder, with folders of the host in it. Called in a mount namespace of its own, which ends with it.
#
#   enter.sh ROOT [HOST_FOLDER FOLDER_INSIDE]... -- COMMAND [ARGUMENT]...
set -eu

root=$1
shift
# The kernel lets a namespace see of these what its maker saw: all of it, with what is mounted below.
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
while [ "$1" != -- ]; do
    mkdir -p "$root$2"
    mount --rbind "$1" "$root$2"
    shift 2
done
shift
umask 022
exec chroot "$root" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
