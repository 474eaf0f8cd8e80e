import { expect, test } from '@playwright/test';
import { parseGpa2hva, parseGva2gpa } from '../../../lib/monitor/parse/address.js';
import { parseMem, parseTlb } from '../../../lib/monitor/parse/mappings.js';
import { parseMemoryDump, unitsOf } from '../../../lib/monitor/parse/memory-dump.js';
import { parseMemoryTree } from '../../../lib/monitor/parse/memory-tree.js';
import { parseRegisters } from '../../../lib/monitor/parse/registers.js';
import { parseCpus, parseStatus } from '../../../lib/monitor/parse/status.js';
import { MonitorMemoryError, MonitorParseError } from '../../../lib/monitor/index.js';
import { parseTcpTable } from '../../../lib/monitor/tcp-table.js';
import { recorded } from './recorded.js';

test('registers of a vCPU in long mode', () => {
  const [cpu0, cpu1] = parseRegisters(recorded('registers-linux'));
  expect(cpu0).toMatchObject({
    cpu: 0,
    width: 64,
    rip: 0xffffffff819f77a3n,
    rflags: 0x283n,
    cpl: 0,
    halted: false,
    smm: false,
    gdt: { base: 0xfffffe0000001000n, limit: 0x7fn },
    idt: { base: 0xfffffe0000000000n, limit: 0xfffn },
    cr0: 0x80050033n,
    cr2: 0xffff888004401000n,
    cr3: 0x2a10000n,
    cr4: 0x6f0n,
    efer: 0xd01n,
  });
  expect(cpu0?.general).toEqual({
    rax: 0x8a6158560n,
    rbx: 0x24b8n,
    rcx: 0x9e74e4n,
    rdx: 0x34n,
    rsi: 0n,
    rdi: 0x8a615852cn,
    rbp: 0xffffc90000013e10n,
    rsp: 0xffffc90000013d98n,
    r8: 0n,
    r9: 0x274c2cn,
    r10: 3n,
    r11: 0xffffffff82ad4448n,
    r12: 0n,
    r13: 0x2580n,
    r14: 0x62n,
    r15: 0n,
  });
  expect(cpu0?.segments.cs).toEqual({ selector: 0x10, base: 0n, limit: 0xffffffffn, flags: 0xaf9b00 });
  expect(cpu0?.segments.gs.base).toBe(0xffff88800f800000n);
  expect(cpu0?.segments.tr).toEqual({
    selector: 0x40,
    base: 0xfffffe0000003000n,
    limit: 0x4087n,
    flags: 0x8900,
  });
  expect(cpu1).toMatchObject({ cpu: 1, general: { rcx: 0xc0000080n } });
});

test('registers of vCPUs in real mode: 32 bits wide, without r8 to r15', () => {
  const [cpu0, cpu1] = parseRegisters(recorded('registers-firmware'));
  expect(cpu0).toMatchObject({ width: 32, rip: 0xb7b9n, rflags: 0x246n, halted: true, cr0: 0x10n, efer: 0n });
  expect(cpu0?.general.rcx).toBe(0xb79dn);
  expect(cpu0?.general).not.toHaveProperty('r8');
  expect(cpu0?.segments.es).toMatchObject({ selector: 0xd980, base: 0xd9800n });
  expect(cpu1?.general.rax).toBe(0xf49f6n);
});

test('registers with five-level paging', () => {
  expect(parseRegisters(recorded('registers-la57'))).toMatchObject([
    { width: 64, cr4: 0x751ef0n, cr2: 0xff11000004401000n },
  ]);
});

test('a register dump that lacks something, or has it twice, is refused', () => {
  const text = recorded('registers-linux');
  for (const broken of [
    '',
    text.slice(20),
    text.replace('CR3=', 'CRX='),
    text.replace('EFER=', ''),
    text.replace('HLT=', 'HXT='),
    text.replace('R15=', 'R16='),
    text.replace('TR =0040', 'TX =0040'),
    text.replace('CPU#1', 'CPU#0'),
    text.replace('CR3=', 'CR3=1 CR3='),
    text.replace('CR3=00', 'CR3=000'),
    text.replace('FS =0000 0000000000000000 00000000 00000000', 'FS =0000 0000000000000000'),
  ]) {
    expect(() => parseRegisters(broken), broken.slice(0, 40)).toThrow(MonitorParseError);
  }
});

test('memory dumps of all unit sizes', () => {
  const parse = (reply: string, address: bigint, unit: 'b' | 'h' | 'w' | 'g', count: number) =>
    unitsOf(parseMemoryDump(reply, { address, unit, count }, 'xp'), unit);
  expect(parse('0000000000000010: 0x53 0xff 0x00\n', 0x10n, 'b', 3)).toEqual([0x53n, 0xffn, 0n]);
  expect(parse('0000000000000010: 0xff53 0xf000 0xff54\n', 0x10n, 'h', 3)).toEqual([
    0xff53n,
    0xf000n,
    0xff54n,
  ]);
  expect(parse('0000000000000011: 0x54f000ff 0x53f000ff 0x53f000ff\n', 0x11n, 'w', 3)).toEqual([
    0x54f000ffn,
    0x53f000ffn,
    0x53f000ffn,
  ]);
  const giants =
    'ffffffff81000000: 0x4801a03f51258d48 0x01b9fffffff23d8d\nffffffff81000010: 0xb19e058b48c00001 0x000000c2c74801bf\n';
  expect(parse(giants, 0xffffffff81000000n, 'g', 4)).toEqual([
    0x4801a03f51258d48n,
    0x01b9fffffff23d8dn,
    0xb19e058b48c00001n,
    0x000000c2c74801bfn,
  ]);
  const bytes = parseMemoryDump(giants, { address: 0xffffffff81000000n, unit: 'g', count: 4 }, 'x');
  expect([...bytes.slice(0, 8)]).toEqual([0x48, 0x8d, 0x25, 0x51, 0x3f, 0xa0, 0x01, 0x48]);
});

test('unreadable memory is an error with the address of the line', () => {
  const reply =
    '0000000007fffff0: 0x0000000000000000 0x0000000000000000\n0000000008000000: Cannot access memory\n';
  const read = () =>
    parseMemoryDump(reply, { address: 0x7fffff0n, unit: 'g', count: 4 }, 'xp /4gx 0x7fffff0');
  expect(read).toThrow(MonitorMemoryError);
  expect(read).toThrow(expect.objectContaining({ address: 0x8000000n }));
});

test('a dump that is not the one asked for is refused', () => {
  const request = { address: 0x1000n, unit: 'g', count: 2 } as const;
  for (const reply of [
    '',
    '0000000000001000: 0x0000000000000001\n',
    '0000000000001000: 0x0000000000000001 0x0000000000000002 0x0000000000000003\n',
    '0000000000001000: 0x00000001 0x00000002\n',
    '0000000000001008: 0x0000000000000001 0x0000000000000002\n',
    '0000000000001000: 0x0000000000000001\n0000000000001000: 0x0000000000000002\n',
    '0000000000001000: 0x0000000000000001 0xzz00000000000002\n',
    '0000000000001000: 0x0000000000000001 -x0000000000000002\n',
    "unknown command: 'xp'\n",
    'VM status: running\n',
  ]) {
    expect(() => parseMemoryDump(reply, request, 'xp'), reply).toThrow(MonitorParseError);
  }
});

test('status, cpus, gva2gpa and gpa2hva', () => {
  expect(parseStatus('VM status: running\n')).toEqual({ running: true, state: 'running' });
  expect(parseStatus('VM status: paused (guest-panicked)\n')).toEqual({
    running: false,
    state: 'guest-panicked',
  });
  expect(parseCpus(recorded('cpus-firmware'))).toEqual([
    { cpu: 0, threadId: 8749, selected: false },
    { cpu: 1, threadId: 8750, selected: true },
  ]);
  expect(parseGva2gpa('gpa: 0x1000000\n')).toBe(0x1000000n);
  // QEMU prints it with %#, which leaves the prefix of zero out.
  expect(parseGva2gpa('gpa: 0\n')).toBe(0n);
  expect(parseGva2gpa('Unmapped\n')).toBeUndefined();
  expect(parseGpa2hva('Host virtual address for 0x1000 (pc.ram) is 0x7ffadfe01000\n')).toEqual({
    kind: 'ram',
    region: 'pc.ram',
    hostAddress: 0x7ffadfe01000n,
  });
  for (const reply of [
    '',
    'VM status: \n',
    'unknown command\n',
    'gpa: 0x\n',
    'gpa: 1\n',
    'gpa: 0x11112222333344445\n',
  ]) {
    expect(() => parseStatus(reply)).toThrow(MonitorParseError);
    expect(() => parseCpus(reply)).toThrow(MonitorParseError);
    expect(() => parseGva2gpa(reply)).toThrow(MonitorParseError);
    expect(() => parseGpa2hva(reply)).toThrow(MonitorParseError);
  }
});

test('info tlb: every flag at its letter', () => {
  const { pagingEnabled, entries } = parseTlb(recorded('tlb-linux'));
  expect(pagingEnabled).toBe(true);
  expect(entries).toHaveLength(recorded('tlb-linux').trim().split('\n').length);
  const letters = [
    ['noExecute', 'X'],
    ['global', 'G'],
    ['bit7', 'P'],
    ['dirty', 'D'],
    ['accessed', 'A'],
    ['cacheDisable', 'C'],
    ['writeThrough', 'T'],
    ['user', 'U'],
    ['writable', 'W'],
  ] as const;
  letters.forEach(([name, letter], index) => {
    const flags = '-'.repeat(index) + letter + '-'.repeat(8 - index);
    const [entry] = parseTlb(`ffff888000001000: 0000000000abc000 ${flags}\n`).entries;
    expect(entry).toMatchObject({ virtualAddress: 0xffff888000001000n, physicalAddress: 0xabc000n });
    for (const [other] of letters) expect(entry?.[other], `${other} in ${flags}`).toBe(other === name);
  });
  expect(parseTlb('PG disabled\n')).toEqual({ pagingEnabled: false, entries: [] });
  expect(() => parseTlb('ffff888000001000: 0000000000abc000 XGPDACTW-\n')).toThrow(MonitorParseError);
});

test('info mem: ranges and rights', () => {
  const { entries } = parseMem(recorded('mem-linux'));
  expect(entries).toHaveLength(12);
  expect(entries[1]).toEqual({
    start: 0xffff888000098000n,
    end: 0xffff88800009b000n,
    user: false,
    readable: true,
    writable: false,
  });
  expect(parseMem('0000000000400000-0000000000401000 0000000000001000 urw\n').entries[0]).toMatchObject({
    user: true,
  });
  // Up to the top of the address space, with four levels and with five, and over half of it.
  for (const [range, start, end] of [
    ['fffffffffffff000-0001000000000000 0000000000001000', 0xffff_ffff_ffff_f000n, 1n << 48n],
    ['ffff800000000000-0001000000000000 ffff800000000000', 0xffff_8000_0000_0000n, 1n << 48n],
    ['0000000000000000-0001000000000000 0001000000000000', 0n, 1n << 48n],
    ['00007ffffffff000-ffff800000001000 0000000000002000', 0x7fff_ffff_f000n, 0xffff_8000_0000_1000n],
    ['fffffffffffff000-0200000000000000 0000000000001000', 0xffff_ffff_ffff_f000n, 1n << 57n],
    ['ff00000000000000-ff00000000200000 0000000000200000', 0xff00_0000_0000_0000n, 0xff00_0000_0020_0000n],
  ] as const) {
    const low = '0000000000200000-0000000000400000 0000000000200000 -rw';
    const { entries } = parseMem(`${low}\r\n${range} -rw\r\n`);
    expect(entries.map((entry) => [entry.start, entry.end])).toEqual([
      [0x20_0000n, 0x40_0000n],
      [start, end],
    ]);
  }
  expect(() => parseMem('fffffffffffff000-0001000000000000 0000000000002000 -rw\n')).toThrow(
    MonitorParseError,
  );
  expect(() => parseMem('0000000000400000-0000000000401000 0000000000002000 urw\n')).toThrow(
    MonitorParseError,
  );
});

test('registers without a header, as some QEMUs print a single vCPU, and with CRLF', () => {
  const whole = recorded('registers-la57');
  const single = whole.slice(0, !whole.includes('CPU#1') ? undefined : whole.indexOf('CPU#1'));
  const [expected] = parseRegisters(single);
  expect(expected?.cr4 ?? 0n).toBeGreaterThan(0n);
  expect(parseRegisters(single.replace(/^\s*CPU#0\n/, ''))).toEqual([expected]);
  expect(parseRegisters(single.replaceAll('\n', '\r\n'))).toEqual([expected]);
  // A line before a header is none of its vCPU.
  expect(() => parseRegisters(`RAX=1\n${single}`)).toThrow(/before the first "CPU#"/);
});

test('xp: an error without a blank behind the colon', () => {
  const request = { address: 0x1000n, unit: 'g', count: 3 } as const;
  const first = '0000000000001000: 0x0000000000000001 0x0000000000000002\r\n';
  for (const failed of ['0000000000001010:Cannot access memory', '0000000000001010: Cannot access memory']) {
    expect(() => parseMemoryDump(`${first}${failed}\r\n`, request, 'xp')).toThrow(MonitorMemoryError);
  }
});

test('info mtree -f: views, ranges, regions and offsets', () => {
  const views = parseMemoryTree(recorded('mtree-firmware'));
  expect(views).toHaveLength(5);
  const memory = views.find((view) => view.addressSpaces.includes('memory'));
  expect(memory?.addressSpaces).toEqual(['memory', 'cpu-memory-0', 'cpu-memory-1', 'ich9-ahci']);
  expect(memory?.ranges[1]).toEqual({
    start: 0xc3000n,
    last: 0xe7fffn,
    type: 'rom',
    region: 'pc.ram',
    offset: 0xc3000n,
  });
  expect(memory?.ranges.at(-1)).toEqual({
    start: 0xfffc0000n,
    last: 0xffffffffn,
    type: 'rom',
    region: 'pc.bios',
    offset: 0n,
  });
  expect(views[2]?.ranges).toEqual([]);
  const odd = parseMemoryTree(
    'FlatView #0\n AS "memory", root: system\n  0000000000001000-0000000000001fff (prio -1, nv-ram): a @ b @0000000000000abc KVM\n',
  );
  expect(odd[0]?.ranges).toEqual([
    { start: 0x1000n, last: 0x1fffn, type: 'nv-ram', region: 'a @ b', offset: 0xabcn },
  ]);
});

test('a memory tree of another shape is refused', () => {
  const range = (text: string) => `FlatView #0\n AS "memory", root: system\n${text}\n`;
  for (const reply of [
    '',
    'unknown command\n',
    range('  0000000000001000-0000000000000fff (prio 0, ram): pc.ram'),
    range('  0000000000001000-0000000000001fff (prio 0): pc.ram'),
    range(
      '  0000000000001000-0000000000002fff (prio 0, ram): a\n  0000000000002000-0000000000003fff (prio 0, ram): b',
    ),
    range(
      '  0000000000001000-0000000000002000 (prio 0, ram): a\n  0000000000002000-0000000000003fff (prio 0, ram): b',
    ),
    range('something else'),
  ]) {
    expect(() => parseMemoryTree(reply), reply).toThrow(MonitorParseError);
  }
});

test('the kernel table of TCP sockets', () => {
  const table =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n' +
    '   0: 0100007F:0536 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 48213 1 0000000000000000 100 0\n' +
    '   1: 0100007F:0536 0100007F:C3A4 01 00000000:00000000 00:00000000 00000000  1000        0 48214 1 0000000000000000 20 0\n';
  expect(parseTcpTable(table)).toEqual([
    { localPort: 1334, remotePort: 0, state: 'listening', receiveQueue: 1, inode: 48213 },
    { localPort: 1334, remotePort: 50084, state: 'established', receiveQueue: 0, inode: 48214 },
  ]);
  expect(parseTcpTable('nonsense\n')).toEqual([]);
});
