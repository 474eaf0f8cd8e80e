/** What the harness has to know of a checkout's launch script beyond the command line that all of them have. */

/**
 * Whether the script opens a monitor that a program can talk to: the fork's does, on its debug port + 100. Upstream's has none of its
 * own: `-nographic` puts the monitor on the console, behind Ctrl-A c.
 */
export function opensMonitor(script: string): boolean {
  return withoutComments(script).some((line) =>
    /-(?:monitor|mon|chardev)\b[= ].*\b(?:tcp|socket|telnet)\b/.test(line),
  );
}

/** What to do with a script that opens none. */
export const monitorRemedy =
  "Use the fork's launch script (cwzsquare/open-tdx), or add to QEMU's arguments in yours: " +
  '-monitor tcp:127.0.0.1:$((debug_port + 100)),server,nowait';

/** Ports that the script's QEMU opens on all interfaces: each is one that anybody who reaches this host may connect to. */
export function opensAllInterfaces(script: string): boolean {
  return withoutComments(script).some(
    (line) => line.includes('hostfwd=tcp::') || /-gdb[= ]"?tcp::/.test(line) || line.includes('0.0.0.0'),
  );
}

function withoutComments(script: string): string[] {
  return script.split('\n').filter((line) => !/^\s*#/.test(line));
}
