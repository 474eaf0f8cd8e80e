import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { VfioProcess } from '../../lib/guest/vfio/process.js';
import { connectMonitor } from '../../lib/monitor/index.js';
import { openPhysicalMemory } from '../../lib/memory/index.js';
import { walk } from '../../lib/paging/index.js';
import { withBenchMachine } from './machines.js';
import { walkAsTheSeedsDo } from './seeds-method.js';
import { median, rounded, timed } from './statistics.js';

const tool = path.resolve(import.meta.dirname, '../verify-pte.ts');

/**
 * One page-table entry of a running VM, by its address: as `scripts/verify-pte.ts` does it (the whole command), as the library does it
 * (connection included), and by the method of the seeds, by turns on one machine. All three must name the same entry.
 */
export async function verifyPte(runs: number): Promise<object> {
  return await withBenchMachine(async ({ machine, guest }, device) => {
    const opened = await openPhysicalMemory({ monitor: machine.monitor, pid: machine.pid });
    const host = { machine, guest, memory: opened.memory, syncMemory: opened.sync, device, mappings: [] };
    const vfio = await VfioProcess.start(host);
    const { address } = await vfio.alloc({ pages: 1 });
    const { space } = vfio;
    const port = machine.ports.monitor;
    const expected = (await walk(opened.memory, space, address)).leaf?.entry.raw;
    opened.close();
    // A monitor takes one client at a time.
    await machine.monitor.close();

    const check = (way: string, seen: bigint | undefined): void => {
      if (seen === undefined || seen !== expected)
        throw new Error(`${way} saw ${String(seen)}, not ${String(expected)}: nothing worth measuring`);
    };
    const figures = { seeds: [] as number[], command: [] as number[], library: [] as number[] };
    for (let run = 0; run < runs; run += 1) {
      const seeds = await timed(() => walkAsTheSeedsDo(port, space.root, address));
      check('The method of the seeds', seeds.result);
      figures.seeds.push(seeds.ms);

      const command = await timed(() => runTool(port, space.root, address));
      check('verify-pte', command.result);
      figures.command.push(command.ms);

      const library = await timed(async () => {
        await using monitor = await connectMonitor({ port });
        await monitor.infoRegisters();
        await using memory = await openPhysicalMemory({ monitor, kinds: ['monitor'] });
        return (await walk(memory.memory, space, address)).leaf?.entry.raw;
      });
      check('The library', library.result);
      figures.library.push(library.ms);
      console.error(
        `verify-pte: run ${run + 1}: seeds ${rounded(seeds.ms)} ms, command ${rounded(command.ms)} ms, library ${rounded(library.ms)} ms`,
      );
    }
    const [seedsMs, commandMs, libraryMs] = [figures.seeds, figures.command, figures.library].map(median);
    return {
      metric: 'verify-pte',
      seedsMs: rounded(seedsMs ?? Number.NaN),
      commandMs: rounded(commandMs ?? Number.NaN),
      libraryMs: rounded(libraryMs ?? Number.NaN),
      ratio: rounded((seedsMs ?? Number.NaN) / (commandMs ?? Number.NaN)),
      libraryRatio: rounded((seedsMs ?? Number.NaN) / (libraryMs ?? Number.NaN)),
      runs,
    };
  });
}

/** The entry that the command names in its JSON. */
async function runTool(port: number, root: bigint, address: bigint): Promise<bigint> {
  const hex = (value: bigint): string => `0x${value.toString(16)}`;
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', tool, String(port), hex(address), '--cr3', hex(root), '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  await once(child, 'close');
  const { pte } = JSON.parse(stdout) as { pte: { value: string } };
  return BigInt(pte.value);
}
