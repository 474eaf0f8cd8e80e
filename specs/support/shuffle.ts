import type { GuestBuffer } from '../../lib/guest/vfio/options.js';
import type { VfioProcess } from '../../lib/guest/vfio/process.js';
import { pick, type Random } from './fuzz/random.js';

/** Of the memory that is shuffled. */
export const pages = 8;
export const rounds = 50;

/** Operations on a process's memory, each of which has the kernel write its entries, in an order that a seed decides. */
export async function shuffle(
  process: VfioProcess,
  { address, size }: GuestBuffer,
  random: Random,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const page = random(pages);
    const part = { address: address + BigInt(page) * 4096n, size: 4096n * BigInt(1 + random(pages - page)) };
    const all = [
      () => process.request('mprotect', { ...part, protection: pick(['r', 'rw', 'rwx', ''], random) }),
      () => process.request('mprotect', { address, size, protection: 'rw' }),
      () => process.request('madvise', { ...part, advice: 'dontneed' }),
      () => process.access(part.address, { access: 'read', timeoutMs: 50 }),
      () => process.access(part.address, { access: 'write', timeoutMs: 50 }),
      async () => (await process.fork()).kill(),
      async () => {
        await process.request('mprotect', { address, size, protection: 'rw' });
        await (await process.mapDma({ pages, buffer: { address, size } })).unmap();
      },
    ];
    await pick(all, random)();
  }
}
