import { execFile } from 'node:child_process';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { qemuVersion } from '../../../../lib/machine/qemu.js';

const run = promisify(execFile);

/** What a sample recorded. Numbers are decimal text: JSON has none of 64 bits. */
export interface WitnessedRun {
  readonly seed: number;
  /** Physical address and value of each entry, when the recording began. */
  readonly first: readonly { readonly entry: string; readonly value: string }[];
  /** What the recorder says, by time; -1 is a vCPU that it did not see. */
  readonly writes: readonly RecordedWrite[];
}

interface RecordedWrite {
  readonly entry: string;
  readonly value: string;
  readonly vcpu: number;
  /** Behind the instruction. */
  readonly rip: string;
}

/** A store that the plugin saw. */
export interface Store {
  readonly vcpu: number;
  /** Of the instruction. */
  readonly pc: bigint;
  /** Physical address. */
  readonly entry: bigint;
  readonly value: bigint;
}

/**
 * A QEMU that witnesses: a script that gives the real one the plugin, which is compiled for it.
 *
 * @param folder has the plugin's control file and log, too
 * @returns its path
 */
export async function witnessingQemu(folder: string, qemu: string, ram: string): Promise<string> {
  // Plugins of the first version are refused from QEMU 9.0 on, and those of the second before.
  const version = Number((await qemuVersion(qemu)).split('.')[0]) >= 9 ? 2 : 1;
  const plugin = path.join(folder, 'witness.so');
  await run('gcc', [
    ...[
      '-std=gnu11',
      '-O2',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-shared',
      '-fPIC',
      `-DPLUGIN_VERSION=${version}`,
    ],
    ...['-o', plugin, path.join(import.meta.dirname, 'witness.c')],
  ]);
  const control = path.join(folder, 'control');
  await writeFile(control, '');
  await truncate(control, 4096);
  const script = path.join(folder, 'qemu');
  const options = `${plugin},control=${control},log=${path.join(folder, 'log')},ram=${ram}`;
  // Whoever asks it for its version, or what it knows, gets no second log.
  await writeFile(
    script,
    `#!/bin/sh\ncase "$*" in *mem-path=*|*-kernel*) exec ${qemu} -plugin '${options}' "$@" ;; esac\nexec ${qemu} "$@"\n`,
    { mode: 0o755 },
  );
  return script;
}

/** What the plugin wrote down, by time. */
export async function readStores(folder: string): Promise<Store[]> {
  const lines = (await readFile(path.join(folder, 'log'), 'utf8')).trim().split('\n');
  return lines.map((line) => {
    const [vcpu = '', pc = '', entry = '', value = ''] = line.split(' ');
    return { vcpu: Number(vcpu), pc: BigInt(pc), entry: BigInt(entry), value: BigInt(value) };
  });
}
