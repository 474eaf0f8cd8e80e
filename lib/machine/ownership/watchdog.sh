#!/bin/sh
# Ends what a harness owned once the harness is gone, however it went.
# usage: watchdog.sh NODE REAPER FOLDER, with the harness's pipe as file descriptor 3
#
# Nothing comes through the pipe: the kernel closes it when the harness ends, SIGKILL included. Until then this is one sleeping
# shell of about 1 MB. The harness starts it in a session of its own, so what is sent to the harness's group does not reach it;
# the inner shell becomes a child of init, so whoever ends all descendants of a harness does not end its watchdog with it.
set -eu
trap '' HUP INT QUIT TERM
(
  while read -r _; do :; done
  # A harness that cleaned up after itself has removed the folder.
  [ -d "$3" ] || exit 0
  exec "$1" "$2" "$3"
) <&3 3<&- &
