import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { VfioProcess } from '../../lib/guest/vfio/process.js';
import { connectMonitor } from '../../lib/monitor/index.js';
import { openPhysicalMemory } from '../../lib/memory/index.js';
import { walk } from '../../lib/paging/index.js';
import { withBenchMachine } from './machines.js';
import { walkByHand } from './walk-by-hand.js';
import { median, rounded, timed } from './statistics.js';

const tool = path.resolve(import.meta.dirname, '../verify-pte.ts');

/**
 * One page-table entry of a running VM, by its address: as `scripts/verify-pte.ts` does it (the whole command), as this process does it
 * (connection included), and by hand over a plain connection, by turns on one machine. All three must name the same entry.
 */
export async function verifyPte(runs: number): Promise<object> {
  return await withBenchMachine(async ({ machine, guest }, device) => {
    const opened = await openPhysicalMemory({ monitor: machine.monitor, pid: machine.pid });
    const host = {
      machine,
      guest,
      memory: opened.memory,
      device,
      mappings: [],
      processes: new Set<VfioProcess>(),
    };
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
    const figures = { byHand: [] as number[], command: [] as number[], inProcess: [] as number[] };
    for (let run = 0; run < runs; run += 1) {
      const byHand = await timed(() => walkByHand(port, space.root, address));
      check('The walk by hand', byHand.result);
      figures.byHand.push(byHand.ms);

      const command = await timed(() => runTool(port, space.root, address));
      check('verify-pte', command.result);
      figures.command.push(command.ms);

      const inProcess = await timed(async () => {
        await using monitor = await connectMonitor({ port });
        await monitor.infoRegisters();
        await using memory = await openPhysicalMemory({ monitor, kinds: ['monitor'] });
        return (await walk(memory.memory, space, address)).leaf?.entry.raw;
      });
      check('The walk in process', inProcess.result);
      figures.inProcess.push(inProcess.ms);
      console.error(
        `verify-pte: run ${run + 1}: by hand ${rounded(byHand.ms)} ms, command ${rounded(command.ms)} ms, in process ${rounded(inProcess.ms)} ms`,
      );
    }
    const [byHandMs, commandMs, inProcessMs] = [figures.byHand, figures.command, figures.inProcess].map(
      median,
    );
    return {
      metric: 'verify-pte',
      byHandMs: rounded(byHandMs ?? Number.NaN),
      commandMs: rounded(commandMs ?? Number.NaN),
      inProcessMs: rounded(inProcessMs ?? Number.NaN),
      ratio: rounded((byHandMs ?? Number.NaN) / (commandMs ?? Number.NaN)),
      inProcessRatio: rounded((byHandMs ?? Number.NaN) / (inProcessMs ?? Number.NaN)),
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
