import type { QemuVm } from '../../fixtures/vm/vm.js';
import { VfioProcess } from '../../lib/guest/vfio/process.js';
import { connectGdb } from '../../lib/gdb/index.js';
import { type OpenedMemory, openPhysicalMemory, READER_KINDS } from '../../lib/memory/index.js';
import {
  _PAGE_USER,
  type AddressSpace,
  isSync,
  scan,
  walk as walkAsync,
  walkRange,
  type X86Entry,
} from '../../lib/paging/index.js';
import { withBenchMachine } from './machines.js';
import { median, rounded, timed } from './statistics.js';

/** Pages of the mapping that is verified: 256 MiB. */
const pages = 65_536;

/**
 * One walk, one scan of a whole address space and one verification of a large mapping, through every reader that the stack
 * allows, on a stopped VM.
 */
export async function walk(runs: number): Promise<object> {
  return await withBenchMachine((vm, device) => measure(vm, device, runs));
}

async function measure({ machine, guest }: QemuVm, device: string, runs: number): Promise<object> {
  const { monitor } = machine;
  await using fastest = await openPhysicalMemory({ monitor, pid: machine.pid });
  const host = {
    machine,
    guest,
    memory: fastest.memory,
    device,
    mappings: [],
    processes: new Set<VfioProcess>(),
  };
  const vfio = await VfioProcess.start(host);
  const buffer = await vfio.alloc({ pages: 4096 });
  await monitor.gdbserver(machine.ports.debug);
  // Attaching stops the VM, letting go resumes it.
  const gdb = await connectGdb({ port: machine.ports.debug });
  const readers: Record<string, object> = {};
  for (const kind of READER_KINDS) {
    const reader = await openPhysicalMemory({ monitor, gdb, pid: machine.pid, kinds: [kind] }).catch(
      reasonOf,
    );
    readers[kind] =
      'reason' in reader ? reader : await measureReader(reader, vfio.space, buffer.address, runs);
    if (!('reason' in reader)) reader.close();
    console.error(`walk: ${kind}: ${JSON.stringify(readers[kind])}`);
  }
  await gdb.detach();

  const mapping = await vfio.mapDma({ pages });
  const { memory } = fastest;
  const verifyMs: number[] = [];
  for (let run = 0; isSync(memory) && run < runs; run += 1) {
    const begin = performance.now();
    const entries = await walkRange(memory, vfio.space, mapping.address, pages);
    const wrong = entries.failing({ cleared: _PAGE_USER }).length + entries.unmapped().length;
    verifyMs.push(performance.now() - begin);
    if (wrong > 0) throw new Error(`${wrong} of ${pages} pages were not cleared: nothing worth measuring`);
  }
  return {
    metric: 'walk',
    readers,
    verify: { pages, reader: fastest.kind, ms: rounded(median(verifyMs)) },
    runs,
  };
}

/** Why a reader is not possible on this stack. */
function reasonOf(error: unknown): { reason: string } {
  return { reason: error instanceof Error ? error.message : String(error) };
}

async function measureReader(
  { memory, kind }: OpenedMemory,
  space: AddressSpace<X86Entry>,
  address: bigint,
  runs: number,
): Promise<object> {
  const walkUs: number[] = [];
  const walks = runs * (isSync(memory) ? 50 : 5);
  for (let run = 0; run < walks; run += 1) {
    // Another page each time, as a spec does it.
    const page = address + BigInt((run * 977) % 4096) * 4096n;
    const { ms } = await timed(() => walkAsync(memory, space, page));
    walkUs.push(ms * 1000);
  }
  const scanMs: number[] = [];
  let mappings = 0;
  // Through the monitor a scan takes long enough to be measured in a few runs.
  for (let run = 0; run < (kind === 'monitor' ? 3 : runs); run += 1) {
    const begin = performance.now();
    mappings = (await scan(memory, space)).length;
    scanMs.push(performance.now() - begin);
  }
  return { walkUs: rounded(median(walkUs)), walks, scanMs: rounded(median(scanMs)), mappings };
}
