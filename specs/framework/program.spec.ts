import { _PAGE_PRESENT, _PAGE_PROTNONE, _PAGE_RW, _PAGE_USER, expect, test } from '../../fixtures/index.js';
import type { Program } from '../../lib/guest/process/program.js';

const pageSize = 4096n;

/** What the sample says first: where its memory is. */
async function places(program: Program): Promise<Record<string, bigint>> {
  const found: Record<string, bigint> = {};
  for (let line = await program.readLine(); line !== ''; line = await program.readLine()) {
    const [name = '', address = ''] = line.split(' ');
    found[name] = BigInt(address);
  }
  return found;
}

async function tell(program: Program, line: string): Promise<void> {
  await program.writeLine(line);
  expect(await program.readLine()).toBe('done');
}

test("a C program's memory is seen from outside, page by page", async ({ guest }) => {
  const program = await guest.program('samples/programs/areas.c');
  const {
    plain = 0n,
    forbidden = 0n,
    readOnly = 0n,
    shared = 0n,
    untouched = 0n,
    huge = 0n,
  } = await places(program);
  await expect(program.range(plain, 4)).toHavePteBits({ set: _PAGE_PRESENT | _PAGE_USER | _PAGE_RW });
  await expect(program.range(shared, 5)).toHavePteBits({ set: _PAGE_USER | _PAGE_RW });
  await expect(program.range(readOnly, 3)).toHavePteBits({ set: _PAGE_USER, cleared: _PAGE_RW });
  await expect(program.range(plain, 4)).not.toHaveUserBitCleared();
  await expect(program.range(forbidden, 4)).toHavePteBits({ set: _PAGE_PROTNONE, cleared: _PAGE_PRESENT });
  expect((await program.walk(huge)).leaf).toMatchObject({ level: 2 });

  const before = await program.scan();
  expect(before.find(untouched)).toBeUndefined();
  expect(before.find(plain + pageSize)).toMatchObject({ level: 1 });
  await tell(program, 'open');
  const { changes } = await program.changesSince(before);
  expect(changes.filter(({ start }) => start === forbidden)).toMatchObject([{ kind: 'mapped', pages: 4 }]);
});

test('what is not there is told in words', async ({ guest }) => {
  await guest.succeed([
    'sh',
    '-c',
    'modprobe brd rd_nr=1 rd_size=16384; mkswap /dev/ram0 > /dev/null; swapon /dev/ram0',
  ]);
  const program = await guest.program('samples/programs/areas.c');
  const { forbidden = 0n, swapped = 0n, untouched = 0n } = await places(program);
  await expect(expect(program.range(forbidden, 4)).toHaveUserBitCleared()).rejects.toThrow(
    /4 of 4 are not mapped at all \(pages 0-3\): not-present \(PROT_NONE, page at 0x[0-9a-f]{7,}\)\./,
  );
  await expect(expect(program.range(untouched)).toHavePteBits({ set: _PAGE_USER })).rejects.toThrow(
    /\(pages 0\): not-present\./,
  );
  await expect(
    expect(program.range(forbidden)).toHavePteBits({ set: _PAGE_RW, cleared: _PAGE_PRESENT }),
  ).rejects.toThrow(/1 of 1 do not \(pages 0\): _PAGE_RW is not as it must be/);
  // Only a page that is swapped at once can be looked at: the kernel may keep one that another CPU just used.
  await tell(program, 'swap');
  expect((await program.walk(swapped)).fault?.message).toMatch(/swap entry, type 0, offset 0x[0-9a-f]+\)$/);
  const area = (await program.mappings()).find(({ start, end }) => start <= swapped && swapped < end);
  expect(area?.pages.swap).toBe((area?.kiB.Swap ?? 0) / 4);
  expect(area?.pages.swap).toBeGreaterThan(0);
});

test('its mappings are smaps, joined with the entries', async ({ guest, vfio }) => {
  const program = await guest.program('samples/programs/areas.c', ['']);
  const { forbidden = 0n, shared = 0n, untouched = 0n, huge = 0n } = await places(program);
  const dma = await vfio.mapDma({ pages: 40 });
  for (const process of [program, dma.process]) {
    const areas = await process.mappings();
    expect(areas.length).toBeGreaterThan(5);
    for (const { start, path, kiB, entries, pages } of areas) {
      // The kernel does not count its own pages as the process's: the page of zeros, [vvar], [vdso].
      const counted = entries.filter(
        ({ entry: { linux } }) => !(linux && 'special' in linux && linux.special),
      );
      const resident = counted
        .filter(({ entry: { linux } }) => linux?.state === 'present' || linux?.state === 'prot-none')
        .reduce((sum, { level }) => sum + 4 * 512 ** (level - 1), 0);
      if (!path.startsWith('[v')) expect(resident, `${start.toString(16)} ${path}`).toBe(kiB.Rss);
      expect(pages.swap ?? 0).toBe((kiB.Swap ?? 0) / 4);
    }
    const all = areas.flatMap(({ entries }) => entries).filter(({ entry }) => entry.present);
    expect(all.length, 'nothing is mapped outside of the areas').toBe((await process.scan()).length);
  }
  const areas = await program.mappings();
  const areaOf = (address: bigint): (typeof areas)[number] | undefined =>
    areas.find(({ start, end }) => start <= address && address < end);
  expect(areaOf(forbidden)).toMatchObject({ start: forbidden, pages: { 'prot-none': 4 } });
  expect([...(areaOf(shared)?.flags.names ?? [])]).toContain('VM_SHARED');
  expect(areaOf(shared)?.pages).toEqual({ present: 5 });
  expect(areaOf(untouched)?.entries.some(({ address }) => address === untouched)).toBe(false);
  expect(areaOf(huge)?.entries).toContainEqual(expect.objectContaining({ address: huge, level: 2 }));
});

test('a process is attached to by PID and by name, a command is started, and what has ended says so', async ({
  guest,
}) => {
  const program = await guest.program('samples/programs/areas.c');
  const { plain = 0n } = await places(program);
  for (const who of [program.pid, 'areas']) {
    const attached = await guest.attach(who);
    expect(attached).toMatchObject({ pid: program.pid, name: 'areas' });
    expect((await attached.walk(plain)).leaf?.raw).toBe((await program.walk(plain)).leaf?.raw);
  }
  const sleep = await guest.program(['sleep', '1000']);
  expect((await sleep.mappings()).find(({ path }) => path.includes('busybox'))).toBeDefined();

  const attached = await guest.attach(program.pid);
  await program.writeLine('exit');
  expect(await program.exited).toMatchObject({ exitCode: 7 });
  const ended = new RegExp(`Process ${program.pid} \\(areas\\) has ended with exit code 7: .* wait`);
  await expect(program.walk(plain)).rejects.toThrow(ended);
  await expect(program.mappings()).rejects.toThrow(ended);
  await expect(attached.scan()).rejects.toThrow(/Process \d+ \(areas\) has ended: /);
  await expect(expect(program.range(plain)).toHaveUserBitCleared()).rejects.toThrow(ended);
  await expect(program.readLine()).rejects.toThrow(/closed its stdout \(exit code 7\)/);
  await expect(guest.attach('areas')).rejects.toThrow(/no process named "areas"\. It has: /);
  const missing = await guest.program(['no-such-program']);
  await expect(missing.readLine()).rejects.toThrow(/exit code 127.*no-such-program: not found/);
});

test("a source that does not compile is the author's mistake, with the compiler's first lines", async ({
  guest,
}) => {
  await expect(guest.program('samples/programs/wrong.c')).rejects.toThrow(
    /wrong\.c does not compile:\n {2}wrong\.c: In function .main.:\n {2}wrong\.c:5:\d+: .*[^]*\n.*wrong\.c:6:\d+: error: /,
  );
  await expect(guest.program('samples/programs/missing.c')).rejects.toThrow(
    /there is no .*\/samples\/programs\/missing\.c: 'samples\/programs\/missing\.c' is looked for beside the spec/,
  );
  await expect(guest.program('areas')).rejects.toThrow(/must be the path of a C source/);
  await expect(guest.attach('')).rejects.toThrow(/must be a PID, or a name/);
});

test('every write to an entry of its memory is recorded', async ({ guest, recordPtes }) => {
  const program = await guest.program('samples/programs/areas.c');
  const { forbidden = 0n } = await places(program);
  const history = await recordPtes(program.range(forbidden, 4));
  await expect(history).toNeverAllow({ user: true });
  await tell(program, 'open');
  await expect(expect(history).toNeverAllow({ user: true })).rejects.toThrow(/mprotect/);
});
