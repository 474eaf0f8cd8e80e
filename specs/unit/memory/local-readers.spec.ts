import { expect, test } from '@playwright/test';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryAccessError, RamMap } from '../../../lib/memory/index.js';
import { openProcessMemory, openRamFile } from '../../../lib/memory/local-readers.js';

/** One range of 4 KiB at 1 MiB, which a process maps from the second page of a file on. */
function mappedFromSecondPage(path: string, mapping: { shared?: boolean; inode?: bigint } = {}) {
  const range = { start: 0x10_0000n, last: 0x10_0fffn, type: 'ram', region: 'ram', offset: 0n };
  const held = {
    start: 0x7f00_0000_0000n,
    end: 0x7f00_0001_0000n,
    readable: true,
    shared: true,
    offset: 0x1000n,
    inode: statSync(path, { bigint: true }).ino,
    path,
    ...mapping,
  };
  return { ram: new RamMap([range]), ranges: [{ range, hostAddress: 0x7f00_0000_1000n, mappings: [held] }] };
}

test('a RAM file is read where the mapping says, not where it starts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ram-file-'));
  try {
    const path = join(folder, 'ram');
    const pages = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(0x1000)).join('');
    writeFileSync(path, pages);
    const { ram, ranges } = mappedFromSecondPage(path);
    const memory = openRamFile(ram, process.pid, ranges);
    expect(Buffer.from(memory.readSync(0x10_0000n, 4)).toString()).toBe('cccc');
    expect(Buffer.from(memory.readSync(0x10_0ffcn, 4)).toString()).toBe('cccc');
    memory.close();
    memory.close();
    for (const wrong of [{ shared: false }, { inode: 1n }]) {
      const other = mappedFromSecondPage(path, wrong);
      expect(() => openRamFile(other.ram, process.pid, other.ranges)).toThrow(MemoryAccessError);
    }
    writeFileSync(path, pages.slice(0, 0x2800));
    const cut = openRamFile(ram, process.pid, ranges);
    expect(Buffer.from(cut.readSync(0x10_0000n, 4)).toString()).toBe('cccc');
    expect(() => cut.readSync(0x10_07fcn, 8)).toThrow(/ends before physical address 0x1007fc/);
    cut.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a process whose memory cannot be read is a typed error', () => {
  const { ram, ranges } = mappedFromSecondPage('/proc/self/maps');
  expect(() => openProcessMemory(ram, 2 ** 30, ranges)).toThrow(MemoryAccessError); // there is none
  // Below vm.mmap_min_addr (Documentation/admin-guide/sysctl/vm.rst), where no process has anything mapped.
  const nowhere = ranges.map((range) => ({ ...range, hostAddress: 0x1000n }));
  expect(() => openProcessMemory(ram, process.pid, nowhere)).toThrow(MemoryAccessError);
});
