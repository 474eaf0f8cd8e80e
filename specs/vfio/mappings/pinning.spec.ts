import { expect, test } from '../../../fixtures/index.js';
import type { KernelLogFollower } from '../../../lib/guest/kernel-log-follower.js';
import type { DmaMapping } from '../../../lib/guest/vfio/mapping.js';
import type { BufferOptions, GuestBuffer } from '../../../lib/guest/vfio/options.js';
import type { VfioProcess } from '../../../lib/guest/vfio/process.js';
import type { GuestShell } from '../../../lib/guest/ssh/index.js';
import { expectNoAccess } from './agreement.js';

// Pinning gives a page another frame, or other bits, depending on what it was before (lib/paging/vma/pin.ts). That is the kernel's right, and
// no driver is to be accused of it.

interface Scene {
  readonly process: VfioProcess;
  readonly guest: GuestShell;
  /** Memory of the process's, written by the page. */
  readonly written: (options?: Partial<BufferOptions>) => Promise<GuestBuffer>;
}

/** Brings a buffer of the process, or of a child of its, into a state of its own; returns whose it is to be mapped. */
type Situation = (scene: Scene) => Promise<{ buffer: GuestBuffer; mapper?: VfioProcess }>;

const pages = 8;

const situations: Readonly<Record<string, Situation>> = {
  'the parent maps after a fork, and the child lives on': async ({ process, written }) => {
    const buffer = await written();
    await process.fork();
    return { buffer };
  },
  'the parent maps after a fork whose child has ended': async ({ process, written }) => {
    const buffer = await written();
    await (await process.fork()).exit();
    return { buffer };
  },
  'the child maps what it inherited': async ({ process, written }) => {
    const buffer = await written();
    return { buffer, mapper: await process.fork() };
  },
  'the child maps what it inherited from a parent that wrote to it since': async ({ process, written }) => {
    const buffer = await written();
    const mapper = await process.fork();
    await process.request('fill', { address: buffer.address, size: buffer.size, value: 0x77n });
    return { buffer, mapper };
  },
  'memory whose copy a child left for another program': async ({ process, written }) =>
    share(process, await written(), 'exec'),
  'memory that lies in a pipe': async ({ process, written }) => share(process, await written(), 'pipe'),
  'memory that a userfault brought': async ({ process }) =>
    share(process, await process.alloc({ pages: pages + 2, populate: false }), 'userfaultCopy'),
  'memory that userfaultfd write-protected and released': async ({ process, written }) =>
    share(process, await written(), 'userfaultProtect'),
  'memory that is cold': async ({ process, written }) => {
    const buffer = await written();
    await advise(process, buffer, 'cold');
    return { buffer };
  },
  'memory that was only read so far': async ({ process }) => {
    const buffer = await process.alloc({ pages: pages + 2, populate: false });
    await advise(process, buffer, 'populateRead');
    return { buffer };
  },
  'every second page only read so far': async ({ process, written }) => {
    const buffer = await written();
    for (let page = 0n; page < pages; page += 2n) {
      const part = { address: buffer.address + page * 4096n, size: 4096n };
      await advise(process, part, 'dontneed');
      await advise(process, part, 'populateRead');
    }
    return { buffer };
  },
  'memory that was made read-only and writable again': async ({ process, written }) => {
    const buffer = await written();
    await protect(process, buffer, 'r');
    await protect(process, buffer, 'rw');
    return { buffer };
  },
  'memory that was closed to all access and opened again': async ({ process, written }) => {
    const buffer = await written();
    await protect(process, buffer, '');
    await protect(process, buffer, 'rw');
    return { buffer };
  },
  'memory whose soft-dirty bits were cleared': async ({ process, guest, written }) => {
    const buffer = await written();
    await guest.succeed(['sh', '-c', `echo 4 > /proc/${process.pid}/clear_refs`]);
    return { buffer };
  },
  'memory whose accessed bits were cleared': async ({ process, guest, written }) => {
    const buffer = await written();
    await guest.succeed(['sh', '-c', `echo 1 > /proc/${process.pid}/clear_refs`]);
    return { buffer };
  },
  'memory that was given back': async ({ process, written }) => {
    const buffer = await written();
    await advise(process, buffer, 'dontneed');
    return { buffer };
  },
  'memory that may be given back': async ({ process, written }) => {
    const buffer = await written();
    await advise(process, buffer, 'free');
    return { buffer };
  },
  'memory that was moved': async ({ process, written }) => {
    const { address, size } = await written();
    const to = await process.alloc({ pages: Number(size / 4096n) });
    await process.request('mremap', { address, size, to: to.address });
    return { buffer: to };
  },
  'a private file that was only read': async ({ process, guest }) => {
    const path = '/dev/shm/private-read';
    await guest.succeed(['sh', '-c', `yes contents | head -c ${(pages + 2) * 4096} > ${path}`]);
    const buffer = await process.alloc({ pages: pages + 2, kind: 'filePrivate', path, populate: false });
    await advise(process, buffer, 'populateRead');
    return { buffer };
  },
  'a private file that was never touched': async ({ process, guest }) => {
    const path = '/dev/shm/private-untouched';
    await guest.succeed(['sh', '-c', `yes contents | head -c ${(pages + 40) * 4096} > ${path}`]);
    return { buffer: await process.alloc({ pages: pages + 40, kind: 'filePrivate', path, populate: false }) };
  },
  'a shared file that was only read': async ({ process, guest }) => {
    const path = '/dev/shm/shared-read';
    await guest.succeed(['sh', '-c', `yes contents | head -c ${(pages + 2) * 4096} > ${path}`]);
    const buffer = await process.alloc({ pages: pages + 2, kind: 'file', path, populate: false });
    await advise(process, buffer, 'populateRead');
    return { buffer };
  },
  'memory that KSM merged': async ({ process, guest, written }) => {
    const buffer = await written();
    for (let page = 0n; page < buffer.size; page += 4096n)
      await process.access(buffer.address + page, { access: 'write', value: 0x4b534dn });
    await advise(process, buffer, 'mergeable');
    await guest.succeed(['sh', '-c', 'cd /sys/kernel/mm/ksm; echo 0 > sleep_millisecs; echo 1 > run']);
    await expect(async () => {
      const frames = [...(await process.entries(buffer.address, pages + 2))].map(
        (page) => page.physicalAddress,
      );
      expect(new Set(frames).size).toBe(1);
    }).toPass();
    await guest.succeed(['sh', '-c', 'echo 0 > /sys/kernel/mm/ksm/run']);
    return { buffer };
  },
  'part of the huge zero page': async ({ process }) => {
    const buffer = await process.alloc({ pages: 512, kind: 'thp', populate: false });
    await advise(process, buffer, 'populateRead');
    expect((await process.entries(buffer.address, 1)).at(0)?.level).toBe(2);
    return { buffer };
  },
  // Its pages have entries of their own then, and are still one compound page.
  'part of a huge page whose entry was split': async ({ process, written }) => {
    const buffer = await written({ pages: 512, kind: 'thp' });
    expect((await process.entries(buffer.address, 1)).at(0)?.level).toBe(2);
    await protect(process, { address: buffer.address, size: 4096n }, 'r');
    expect((await process.entries(buffer.address, 1)).at(0)?.level).toBe(1);
    return { buffer };
  },
  'part of a huge page that a child shares': async ({ process, written }) => {
    const buffer = await written({ pages: 512, kind: 'thp' });
    expect((await process.entries(buffer.address, 1)).at(0)?.level).toBe(2);
    await process.fork();
    return { buffer };
  },
};

/** What of the kernel a situation needs. */
const tags: Readonly<Partial<Record<string, string>>> = {
  'memory that KSM merged': '@ksm',
  'memory that a userfault brought': '@userfaultfd',
  'memory that userfaultfd write-protected and released': '@userfaultfd',
  'part of the huge zero page': '@thp',
  'part of a huge page whose entry was split': '@thp',
  'part of a huge page that a child shares': '@thp',
};

function advise(process: VfioProcess, { address, size }: GuestBuffer, advice: string) {
  return process.request('madvise', { address, size, advice });
}

async function share(process: VfioProcess, buffer: GuestBuffer, way: string) {
  await process.request('share', { address: buffer.address, size: buffer.size, way });
  return { buffer };
}

function protect(process: VfioProcess, { address, size }: GuestBuffer, protection: string) {
  return process.request('mprotect', { address, size, protection });
}

async function expectTaken(mapping: DmaMapping, kernelLog: KernelLogFollower): Promise<void> {
  await expect(mapping).toBeTakenFromUserMode(kernelLog);
  await expect(mapping).toHaveUserBitCleared();
  await expect(kernelLog).toReportClearing(mapping);
  await expectNoAccess(mapping);
}

for (const [name, situation] of Object.entries(situations)) {
  for (const write of [true, false]) {
    const tag = tags[name] ?? [];
    test(
      `${name}, for a device that may ${write ? 'write' : 'only read'}`,
      { tag },
      async ({ vfio, guest, kernelLog, stack }) => {
        const process = await vfio.process();
        const { buffer, mapper = process } = await situation({
          process,
          guest,
          written: async (options) => {
            const buffer = await process.alloc({ pages: pages + 2, ...options });
            await process.request('fill', { address: buffer.address, size: buffer.size, value: 0x5eedn });
            return buffer;
          },
        });
        const part = { address: buffer.address + 4096n, size: BigInt(pages) * 4096n };
        const mapping = await mapper.mapDma({ pages, buffer: part, write });
        if (mapping.lookAfter.entries.level[0] === 1) await expectTaken(mapping, kernelLog);
        // Of huge pages no other driver promises anything.
        else if (!stack.lacks?.has('@reference-driver'))
          await expect(mapping).toBeReportedAsNotTaken(kernelLog);
      },
    );
  }
}

test('what its process does to other memory once the mapping is made is no fault of the driver', async ({
  vfio,
  kernelLog,
}) => {
  const process = await vfio.process();
  const [freed, protectedOne, given] = [
    await process.alloc({ pages: 4 }),
    await process.alloc({ pages: 4 }),
    await process.alloc({ pages: 4 }),
  ];
  const mapping = await process.mapDma({ pages });
  await process.request('free', { address: freed.address, size: freed.size });
  await protect(process, protectedOne, 'r');
  await advise(process, given, 'dontneed');
  await process.fork();
  await expectTaken(mapping, kernelLog);
});

test('mappings that overlap in memory are all taken away', async ({ vfio, kernelLog }) => {
  const process = await vfio.process();
  const { address } = await process.alloc({ pages: 8 });
  const mappings: DmaMapping[] = [];
  for (const [first, count] of [
    [0n, 4],
    [2n, 4],
    [0n, 8],
    [7n, 1],
  ] as const) {
    const buffer = { address: address + first * 4096n, size: BigInt(count) * 4096n };
    mappings.push(await process.mapDma({ pages: count, buffer }));
  }
  for (const mapping of mappings) await expect(mapping).toBeTakenFromUserMode(kernelLog);
});
