import { expect, test } from '../../fixtures/index.js';
import { connectGdb } from '../../lib/gdb/index.js';
import { openPhysicalMemory, type OpenedMemory, type ReaderKind } from '../../lib/memory/index.js';

test.describe.configure({ timeout: 180_000 });

const gib = 1n << 30n;

/** Reads that a reader may get wrong: in a page, over its end, over 2 MiB, odd lengths, and at both ends of what RAM there is. */
function pieces(end: bigint): [address: bigint, length: number][] {
  return [
    [0x1000n, 8],
    [0xffdn, 7],
    [0x1fff_fffn, 2],
    [0x10_0000n, 4096],
    [0x1ff_ffffn, 4099],
    [0x200_0123n, 10_001],
    [0n, 16],
    [end - 5n, 5],
    [end - 8192n, 8192],
  ];
}

async function bytesOf({ memory }: OpenedMemory, address: bigint, length: number): Promise<string> {
  return Buffer.from(await memory.read(address, length)).toString('hex');
}

async function errorOf({ memory }: OpenedMemory, address: bigint, length: number): Promise<object> {
  return await memory.read(address, length).then(
    () => ({ name: 'none' }),
    (error: unknown) => ({ name: (error as Error).name, at: (error as { notRamAt?: bigint }).notRamAt }),
  );
}

for (const { how, coldBoot } of [
  { how: 'restored', coldBoot: false },
  { how: 'booted', coldBoot: true },
] as const) {
  test.describe(`a machine of 5 GiB, ${how}`, () => {
    test.use({ machineOptions: { memory: '5g', coldBoot } });

    test('all readers give the same bytes, and refuse the same addresses', async ({ machine, memory }) => {
      const { monitor } = machine;
      // Attaching stops the VM, letting go resumes it.
      await monitor.gdbserver(machine.ports.debug);
      const gdb = await connectGdb({ port: machine.ports.debug });
      const opened: OpenedMemory[] = [];
      try {
        const kinds: ReaderKind[] = memory.kind === 'ram-file' ? ['ram-file', 'process'] : ['process'];
        for (const kind of [...kinds, 'gdb', 'monitor'] as const) {
          opened.push(await openPhysicalMemory({ monitor, pid: machine.pid, gdb, kinds: [kind] }));
        }
        // q35 has 2 GiB of RAM below 4 GiB when there are more than 2.75 GiB, and the rest above (hw/i386/pc_q35.c).
        const hole = 2n * gib;
        const last = 4n * gib + 3n * gib;
        for (const [address, length] of [
          ...pieces(hole),
          ...pieces(last).slice(-2),
          [4n * gib, 4097] as const,
        ]) {
          const [first, ...others] = await Promise.all(
            opened.map((reader) => bytesOf(reader, address, length)),
          );
          expect(first).toHaveLength(length * 2);
          for (const other of others) expect(other, `0x${address.toString(16)}, ${length} bytes`).toBe(first);
        }
        for (const [address, length, at] of [
          [hole, 8, hole],
          [hole - 4n, 8, hole],
          [4n * gib - 4096n, 8192, undefined],
          [last, 1, last],
          [last - 4n, 8, last],
          [0xfee0_0000n, 4, 0xfee0_0000n],
        ] as const) {
          for (const reader of opened) {
            const error = await errorOf(reader, address, length);
            if (at !== undefined) expect(error, reader.kind).toEqual({ name: 'NotRamError', at });
          }
        }
      } finally {
        for (const reader of opened) reader.close();
        await gdb.detach();
      }
    });
  });
}
