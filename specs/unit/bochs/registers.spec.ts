import { expect, test } from '@playwright/test';

import { DebuggerError } from '../../../lib/bochs/index.js';
import { parseRegisters, registerCommands } from '../../../lib/bochs/registers.js';

/** What Bochs 2.7 answered for a process in user mode, shortened. */
const general = [
  'r',
  'CPU0:',
  'rax: 00000000_00000001',
  'rbx: 00000000_00000002',
  'rcx: 00000000_00000003',
  'rdx: 00000000_00000004',
  'rsp: 00007ffc_66b9b2f8',
  'rbp: 00000000_00000006',
  'rsi: 00000000_00000007',
  'rdi: 00000000_00000008',
  'r8 : 00000000_00000009',
  'r9 : 00000000_0000000a',
  'r10: 00000000_0000000b',
  'r11: 00000000_0000000c',
  'r12: ffff8880_0fadc080',
  'r13: 00000000_0000c088',
  'r14: 00000000_0000000f',
  'r15: 00000000_00000010',
  'rip: 00000000_00401ec6',
  'eflags 0x00000246: id vip vif ac vm rf nt IOPL=0 of df IF tf sf ZF af PF cf',
  '',
].join('\n');
const control = [
  'creg',
  'CR0=0x80050033: PG cd nw AC WP NE ET ts em MP PE',
  'CR2=page fault laddr=0x00007fff88d4afb8',
  'CR3=0x000000900005',
  '    PCD=page-level cache disable=0',
  'CR4=0x003306b0: pks cet pke SMAP SMEP',
  'CR8: 0x1',
  'EFER=0x00000d01: ffxsr NXE LMA LME SCE',
  '',
].join('\n');
const segments = (dh: string) =>
  `sreg\ncs:0x0033, dh=0x00affb00, dl=0x0000ffff, valid=1\nss:0x002b, dh=0x${dh}, dl=0x0000ffff, valid=1\n` +
  'gdtr:base=0xfffffe0000001000, limit=0x7f\nidtr:base=0xfffffe0000000000, limit=0xfff\n';

test('registers of 64 bits, control registers, and the privilege level out of SS', () => {
  expect(registerCommands).toEqual(['r', 'creg', 'sreg']);
  const kernel = parseRegisters([general, control, segments('00cf9300')]);
  expect(kernel).toMatchObject({
    cpu: 0,
    width: 64,
    general: { rax: 1n, rsp: 0x7ffc_66b9_b2f8n, r8: 9n, r12: 0xffff_8880_0fad_c080n, r13: 0xc088n },
    rip: 0x401ec6n,
    cpl: 0,
    segments: { cs: { selector: 0x33 } },
    idt: { base: 0xffff_fe00_0000_0000n, limit: 0xfffn },
    cr2: 0x7fff_88d4_afb8n,
    cr0: 0x80050033n,
    cr3: 0x900005n,
    cr4: 0x3306b0n,
    efer: 0xd01n,
  });
  expect(parseRegisters([general, control, segments('00cff300')]).cpl).toBe(3);
});

test('a register that is not there is named', () => {
  expect(() => parseRegisters([general.replace(/^r12.*\n/m, ''), control, segments('00cf9300')])).toThrow(
    DebuggerError,
  );
  expect(() => parseRegisters([general, control])).toThrow('cs:');
});
