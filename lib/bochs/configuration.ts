/** What a Bochs machine is made of. */
export interface BochsConfiguration {
  /** RAM in MiB. */
  readonly memoryMib: number;
  /** Bochs's name of a CPU model: see `bochs --help cpu`. */
  readonly cpuModel: string;
  /** Absolute path of the CD that it boots from. */
  readonly cd: string;
  /** TCP ports on 127.0.0.1 that the first and the second serial line connect to. */
  readonly serialPorts: readonly [console: number, agent: number];
  /** Absolute path of Bochs's own log. */
  readonly log: string;
}

/**
 * Simulated instructions per simulated second. Serial lines and timers run in simulated time, so that fewer make them faster, at the price
 * of more timer interrupts per instruction.
 */
const instructionsPerSecond = 8_000_000;

/** Where Debian's packages bochs and bochsbios have the firmware. */
export const firmware = {
  bios: '/usr/share/bochs/BIOS-bochs-latest',
  vga: '/usr/share/bochs/VGABIOS-lgpl-latest',
} as const;

/**
 * The text of a bochsrc (bochsrc(5)). Nothing in it listens: serial lines connect to the harness, and the terminal display opens a
 * pseudo-terminal of its own.
 *
 * @throws RangeError for a path that a bochsrc cannot hold
 */
export function bochsrc({ memoryMib, cpuModel, cd, serialPorts, log }: BochsConfiguration): string {
  for (const path of [cd, log]) {
    if (/["\n,]/.test(path)) {
      throw new RangeError(
        `Bochs cannot be told of the path ${JSON.stringify(path)}: it holds a quote, a comma or a newline.`,
      );
    }
  }
  return [
    `cpu: model=${cpuModel}, ips=${instructionsPerSecond}, reset_on_triple_fault=0`,
    `memory: guest=${memoryMib}, host=${memoryMib}`,
    `romimage: file=${firmware.bios}`,
    `vgaromimage: file=${firmware.vga}`,
    'display_library: term',
    ...serialPorts.map(
      (port, index) => `com${index + 1}: enabled=1, mode=socket-client, dev=127.0.0.1:${port}`,
    ),
    `ata0-master: type=cdrom, path="${cd}", status=inserted`,
    'boot: cdrom',
    // As fast as it can: nothing in the guest needs the host's time.
    'clock: sync=none',
    'sound: waveoutdrv=dummy',
    'speaker: enabled=0',
    `log: "${log}"`,
    '',
  ].join('\n');
}
