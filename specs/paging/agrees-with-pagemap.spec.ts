import { expect, test } from '../../fixtures/index.js';
import { _PAGE_PROTNONE, decodeX86Entry, scan, walk } from '../../lib/paging/index.js';
import { type PagemapEntry, readPagemap } from './support/pagemap.js';

test.describe.configure({ timeout: 180_000 });

const hex = (value: bigint): string => `0x${value.toString(16)}`;

test("a process's pages are as its own kernel tells in pagemap and smaps", async ({
  vfio,
  guest,
  machine,
  memory,
}) => {
  await guest.succeed(['sh', '-c', 'echo 4 > /proc/sys/vm/nr_hugepages']);
  const process = await vfio.process();
  const mapping = await vfio.mapDma({ pages: 40 });
  await process.alloc({ pages: 1024, kind: 'hugetlb' });
  await process.alloc({ pages: 1024, kind: 'thp' });
  const readOnly = await process.alloc({ pages: 3, protection: 'r' });
  await process.alloc({ pages: 5, kind: 'shared' });
  const untouched = await process.alloc({ pages: 64, populate: false });
  const forbidden = await process.alloc({ pages: 4 });
  await process.request('mprotect', { address: forbidden.address, size: forbidden.size, protection: '' });

  const { vmas, pages } = await readPagemap(guest, process.pid);
  const scanned = await machine.paused(() => scan(memory.memory, process.space, { range: 'user' }));
  expect(scanned.problems).toEqual([]);

  const differences: string[] = [];
  let present = 0;
  for (const [address, inside] of pages) {
    // The kernel tells nothing of frames that it put there itself (VM_PFNMAP, mm/pagewalk.c): [vvar].
    if (
      vmas.some(({ start, end, flags }) => flags.names.has('VM_PFNMAP') && address >= start && address < end)
    )
      continue;
    const outside = scanned.find(address);
    const frame = outside && (outside.physicalAddress + (address - outside.address)) >> 12n;
    if (inside.present && frame === undefined) {
      // PROT_NONE: the kernel counts the page as present, the processor does not.
      const { fault } = await machine.paused(() => walk(memory.memory, process.space, address));
      const entry = decodeX86Entry(fault?.raw ?? 0n, 1, { kernel: '6.1' });
      const told = entry.linux?.state === 'prot-none' ? entry.linux.physicalAddress >> 12n : undefined;
      if (told !== inside.frame)
        differences.push(`${hex(address)}: PROT_NONE frame ${String(told)}, inside ${inside.frame}`);
      expect((fault?.raw ?? 0n) & _PAGE_PROTNONE, hex(address)).not.toBe(0n);
    } else if (inside.present !== (frame !== undefined) || (inside.present && frame !== inside.frame)) {
      differences.push(
        `${hex(address)}: frame ${String(frame)}, inside ${inside.present ? String(inside.frame) : 'none'}`,
      );
    }
    if (inside.present) present += 1;
  }
  expect(differences.slice(0, 10)).toEqual([]);
  expect(present).toBeGreaterThan(2_000);

  // Nothing is mapped that the process has no VMA for, and the rights are those of the VMAs.
  for (const { address, size, effectiveRights, entry } of scanned) {
    const vma = vmas.find(({ start, end }) => address >= start && address < end);
    expect(vma, `${hex(address)} lies in no VMA`).toBeDefined();
    if (!vma) continue;
    expect(address + size <= vma.end, `${hex(address)} reaches beyond its VMA`).toBe(true);
    if (effectiveRights.write) expect(vma.flags.names.has('VM_WRITE'), hex(address)).toBe(true);
    if (effectiveRights.execute) expect(vma.flags.names.has('VM_EXEC'), hex(address)).toBe(true);
    const own = address >= mapping.address && address < mapping.address + mapping.size;
    expect(entry.user, `${hex(address)} (${vma.path})`).toBe(!own);
  }
  // Memory that was only read is the one page of zeros.
  const zeroFrame = pages.get(readOnly.address)?.frame;
  expect(pages.get(readOnly.address + 4096n)?.frame).toBe(zeroFrame);
  const counts = (page: PagemapEntry | undefined): boolean =>
    page?.present === true && page.frame !== zeroFrame;
  for (const { start, end, kiB, path, flags } of vmas) {
    // The kernel does not count its own pages (vdso, vvar, device memory, the zero page) as the process's.
    if (flags.names.has('VM_PFNMAP') || flags.names.has('VM_IO') || path.startsWith('[v')) continue;
    let bytes = 0n;
    for (let address = start; address < end; address += 4096n) if (counts(pages.get(address))) bytes += 4096n;
    expect(Number(bytes / 1024n), `${hex(start)} ${path}`).toBe(
      (kiB.Rss ?? 0) + (kiB.Shared_Hugetlb ?? 0) + (kiB.Private_Hugetlb ?? 0),
    );
  }
  expect(scanned.find(untouched.address)).toBeUndefined();
  expect(scanned.find(readOnly.address)?.effectiveRights.write ?? false).toBe(false);
  expect(new Set(Array.from(scanned, ({ level }) => level))).toEqual(new Set([1, 2]));
});
