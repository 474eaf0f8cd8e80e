#!/bin/sh
# The stand-in's QEMU where KVM cannot be relied on: the distribution's, with the two options that need KVM replaced by what TCG has.
# Everything else that it is given goes through as it is.
for argument do
    shift
    case "$argument" in
    -enable-kvm) set -- "$@" -accel tcg,thread=multi ;;
    host) set -- "$@" max,la57=off ;;
    *) set -- "$@" "$argument" ;;
    esac
done
exec qemu-system-x86_64 "$@"
