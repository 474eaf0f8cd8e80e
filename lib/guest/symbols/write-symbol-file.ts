import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Machine } from '../../machine/machine.js';
import { SymbolsError } from './errors.js';
import { symbolsOfMachine } from './of-machine.js';
import { symbolFile } from './symbol-file.js';

/** Writes the symbols of the kernel that runs in a machine to a file for gdb; undefined when there are none. */
export async function writeSymbolFile(machine: Machine): Promise<string | undefined> {
  try {
    const symbols = await machine.paused(async () => symbolsOfMachine(machine, await machine.registers()));
    const file = path.join(machine.runFolder, 'kernel.symbols');
    await writeFile(file, symbolFile(symbols));
    return file;
  } catch (error) {
    if (error instanceof SymbolsError) return undefined;
    throw error;
  }
}
