#!/bin/sh
# Runs a container engine that leaves nothing on the host outside of FOLDER. To be started in a mount and a PID namespace of its own:
# what is mounted here, and by the engine, is gone with its last process, and all its processes are gone with this one.
#
#   start.sh FOLDER PROGRAMS CGROUP SIZE
#
# FOLDER is for the socket (docker.sock). Images and containers are kept in memory, up to SIZE (as mount's option of a tmpfs has it):
# they need not be deleted, which takes minutes on some disks. PROGRAMS holds the unpacked packages docker.io, containerd, runc
# and tini. CGROUP is the parent of the containers' cgroups. No network is set up: containers use the host's, or none.
set -eu

folder=$1
programs=$2
cgroup=$3
size=$4

# The engine writes a key into /etc, folders into /opt, and sockets into /run, whatever it is told.
for place in /etc /opt /run; do
    mkdir -p "$folder/host$place" "$folder/work$place"
    mount -t overlay -o "lowerdir=$place,upperdir=$folder/host$place,workdir=$folder/work$place" overlay "$place"
done

mkdir "$folder/data"
mount -t tmpfs -o "size=$size,mode=711" tmpfs "$folder/data"

printf '{}\n' >"$folder/daemon.json"
PATH=$programs/usr/bin:$programs/usr/sbin:$PATH
export PATH
# tini is the first process of the namespace and reaps what the engine's shims leave.
exec "$programs/usr/bin/tini" -- "$programs/usr/sbin/dockerd" \
    --config-file "$folder/daemon.json" --host "unix://$folder/docker.sock" \
    --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/docker.pid" \
    --cgroup-parent "$cgroup" --storage-driver overlay2 \
    --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --userland-proxy=false
