#!/bin/sh
# Runs a command in a root folder, with folders of the host in it. Called in a mount namespace of its own, which ends with it.
#
#   enter.sh ROOT [HOST_FOLDER FOLDER_INSIDE]... -- COMMAND [ARGUMENT]...
set -eu

root=$1
shift
# A mount of its own, and private: in a chroot the namespace's own mounts may still be shared with the host's, and what is mounted
# here must not be seen there. This one is taken away at the end.
at=$root/mnt
mount --bind "$root" "$at"
trap 'umount -l "$at"' EXIT
mount --make-rprivate "$at"
# The kernel lets a namespace see of these what its maker saw: all of it, with what is mounted below.
mount --rbind /dev "$at/dev"
mount --rbind /proc "$at/proc"
mount --make-rslave "$at"
while [ "$1" != -- ]; do
    mkdir -p "$at$2"
    mount --rbind "$1" "$at$2"
    shift 2
done
shift
umask 022
chroot "$at" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
