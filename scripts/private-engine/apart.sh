#!/bin/sh
# Runs a command, a container engine, that leaves nothing on the host outside of FOLDER. To be started in a mount and a PID namespace of its
# own: what is mounted here, and by the engine, is gone with its last process, and all its processes are gone with this one.
#
#   apart.sh FOLDER SIZE COMMAND [ARGUMENT ...]
#
# Images and containers are for FOLDER/data, which is in memory, up to SIZE (as mount's option of a tmpfs has it): they need not be
# deleted, which takes minutes on some disks.
set -eu

folder=$1
size=$2
shift 2

# The engine writes a key into /etc, folders into /opt, and sockets into /run, whatever it is told.
for place in /etc /opt /run; do
    mkdir -p "$folder/host$place" "$folder/work$place"
    mount -t overlay -o "lowerdir=$place,upperdir=$folder/host$place,workdir=$folder/work$place" overlay "$place"
done

mkdir "$folder/data"
mount -t tmpfs -o "size=$size,mode=711" tmpfs "$folder/data"

exec "$@"
