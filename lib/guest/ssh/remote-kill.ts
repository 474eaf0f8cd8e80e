import { RUN_VARIABLE } from './remote-command.js';

/**
 * A POSIX sh script that ends with SIGKILL all processes in the guest that belong to one command (without a token: to any
 * command), and exits 0 once none is left. Those that do not go (uninterruptible sleep) are printed, and the exit code is 1.
 *
 * The processes are found by the mark in their environment, not by process group: dropbear runs commands in the group of
 * its own connection. `[N]` keeps the pattern from matching the script's own command line. `-z`: environments are
 * NUL-separated, and without it busybox's grep looks only at what comes before the first NUL. A zombie has an empty
 * environment, so that what is found is really alive.
 */
export function killScript(token = ''): string {
  const pattern = `${RUN_VARIABLE.slice(0, -1)}[${RUN_VARIABLE.slice(-1)}]=${token}`;
  return `i=0
while pids=$(grep -lsz '${pattern}' /proc/[0-9]*/environ /proc/[0-9]*/cmdline | cut -d/ -f3); [ -n "$pids" ]; do
  [ $i -lt 50 ] || { echo $pids; exit 1; }
  i=$((i + 1))
  kill -9 $pids 2>/dev/null
done
exit 0`;
}
